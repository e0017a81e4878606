"""Which images a command takes, with a fake engine."""

import os
import resource
import sys
import warnings

import pytest
from PIL import Image

from isotrope.cli import files as module
from isotrope.cli.errors import Complaints
from isotrope.cli.files import answered
from isotrope.ocr.reader import Reader


def pages(*grays, name="pages.tif"):
    first, *others = (Image.new("L", (8, 4), gray) for gray in grays)
    first.save(name, save_all=True, append_images=others)


def test_standard_input_is_an_image(folder, read):
    content = (folder / "2.png").read_bytes()
    assert read("-", given=content).stdout == "2\n"
    assert read("1.png", "-", "3.png", given=content).stdout == "1.png\t1\n-\t2\n3.png\t3\n"
    broken = read("-", given=b"no image")
    assert broken.stderr.startswith("isotrope: -: ")
    assert broken.exit_code == 1


@pytest.mark.parametrize(
    ("options", "content"),
    [
        (["--files-from"], b"1.png\n\n3.png"),
        (["--files-from"], b"1.png\r\n3.png\r\n"),
        (["-0", "--files-from"], b"1.png\x003.png\x00"),
        (["--null", "--files-from"], b"1.png\x003.png"),
    ],
)
def test_a_list_of_files(folder, options, content, read):
    expected = "1.png\t1\n3.png\t3\n"
    as_text = ("--format", "text")
    assert read(*options, "-", *as_text, given=content).stdout == expected
    (folder / "list").write_bytes(content)
    assert read(*options, "list", *as_text).stdout == expected
    assert read("2.png", *options, "list", *as_text).stdout == "2.png\t2\n" + expected


def test_a_list_may_name_folders_and_odd_names(folder, read):
    os.mkdir("set")
    os.rename("1.png", "set/1.png")
    os.rename("2.png", "a\nb.png")
    result = read("-0", "--files-from", "-", "--format", "text", given=b"set\0a\nb.png")
    assert result.stdout == "set/1.png\t1\na\\nb.png\t2\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "no images; name files or folders, - or --files-from"),
        (["-", "-"], "- is named twice; standard input can be read only once"),
        (["-", "--files-from", "-"], "- is named twice; standard input can be read only once"),
    ],
)
def test_inputs_that_make_no_sense(folder, arguments, line, read):
    result = read(*arguments, given=b"")
    assert (result.stderr, result.exit_code) == (f"isotrope: {line}\n", 2)


def test_a_list_that_is_an_image_is_one_line(folder, loaded, read):
    with open("list", "wb") as file:
        file.write(b"\x89PNG\0\0\r\nIHDR\0" * 9)
    result = read("--files-from", "list")
    assert result.stderr == (
        "isotrope: list: no list of file names, it has NUL bytes; give one name a line, or --null "
        "if each ends in NUL\n"
    )
    assert result.exit_code == 1


def test_a_missing_list_is_one_line(folder, loaded, read):
    result = read("--files-from", "nowhere")
    assert result.stderr == (
        "isotrope: nowhere: No such file or directory; check the path and its permissions\n"
    )
    assert result.exit_code == 1
    assert loaded == []


def test_each_page_of_a_file_is_an_entry(folder, read):
    pages(4, 5, 6)
    assert read("pages.tif").stdout == "4\n5\n6\n"
    expected = ["1.png\t1", "pages.tif#1\t4", "pages.tif#2\t5", "pages.tif#3\t6"]
    assert read("1.png", "pages.tif").stdout.splitlines() == expected


def test_an_image_of_too_many_pixels_is_one_line(folder, monkeypatch, read):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with warnings.catch_warnings(action="default", record=True) as warned:
        result = read("1.png")
    assert result.stderr.startswith("isotrope: 1.png: has more than 30 px, the most that are")
    assert result.stderr.count("\n") == 1
    assert not warned


def test_a_broken_page_does_not_lose_those_before_it(folder, monkeypatch, read):
    large = Image.new("L", (80, 40), 8)
    Image.new("L", (8, 4), 7).save("pages.tif", save_all=True, append_images=[large])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    result = read("pages.tif", "--format", "tsv")
    assert result.stdout.splitlines()[1:] == ["pages.tif#1\t7\t1.0\t0"]
    assert result.stderr.startswith("isotrope: pages.tif#2: has more than 100 px")


def test_missing_files_are_reported_before_anything_is_loaded(
    folder, monkeypatch, read, gray_engine
):
    order = []
    monkeypatch.setattr(Complaints, "add", lambda self, problem: order.append(str(problem)))
    monkeypatch.setattr(
        Reader, "from_pretrained", lambda **_: order.append("loaded") or Reader(gray_engine())
    )
    os.symlink("nowhere", "link.png")
    assert read("1.png", "x.png", "link.png").stdout == "1.png\t1\n"
    assert order == [
        "x.png: no such file; check the path",
        "link.png: a link to a file that is not there; mend the link or remove it",
        "loaded",
    ]


def test_a_missing_file_is_reported_in_well_under_a_second(folder):
    import subprocess

    code = (
        "import sys; from isotrope.cli import app; app(standalone_mode=False); "
        "print(*sorted(sys.modules))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, "read", "--crops", "x.png", "--engine", "gsanet"]
    done = subprocess.run(command, capture_output=True, text=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # whatever else runs on the machine
    assert used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime < 5  # 0.3 s alone
    assert done.stderr == "isotrope: x.png: no such file; check the path\n"
    assert not {"torch", "onnxruntime", "matplotlib", "transformers"} & set(done.stdout.split())


def test_results_flow_and_the_bar_moves_with_them(folder, monkeypatch, gray_engine):
    moved = []

    class Bar:
        def __enter__(self):
            return lambda: moved.append(1)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(module, "counted", lambda total: Bar())
    reader = Reader(gray_engine())
    paths = [folder / "1.png"] * 100
    results = answered(paths, 100, lambda images: reader.stream(images, 4), Complaints())
    for number in range(100):
        next(results)
        assert len(moved) == number
    assert next(results, None) is None
    assert len(moved) == 100


def test_an_engine_that_fails_is_one_line(folder, monkeypatch, read, gray_engine):
    def fail(self, lines, batch_size=32):
        raise ValueError("tesseract failed with status 1 (no memory)")

    monkeypatch.setattr(gray_engine, "read", fail)
    result = read("1.png")
    assert result.stderr == "isotrope: tesseract failed with status 1 (no memory)\n"
    assert (result.stdout, result.exit_code) == ("", 1)


@pytest.mark.parametrize("arguments", [["-"], ["--files-from", "-"]])
def test_nothing_on_standard_input(folder, monkeypatch, arguments, read):
    line = "isotrope: -: nothing on standard input; pipe something into it\n"
    result = read(*arguments, given=b"")
    assert (result.stderr, result.exit_code) == (line, 1)
