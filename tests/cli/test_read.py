"""`isotrope read` of whole pages, with a fake reader in place of the shipped one."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli
from isotrope.io.images import ImageError
from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.document_json import page_from_json
from isotrope.ocr.formats.pages import PAGE_FORMATS
from isotrope.ocr.reader import Reader

TURNS = (0, 90, 180, 270)


class FakeReader:
    """Reads the gray of an image's brightest corner, one line; nothing on a white page."""

    turns_matter = False

    def read_pages(self, images, batch_size=32, on_error="raise"):
        assert on_error == "return"
        for image in images:
            assert image.dtype == np.uint8
            yield self._read(image)

    def _read(self, image):
        rows, columns, _ = image.shape
        if min(rows, columns) < 2:
            return ImageError(f"{columns}x{rows} px: too small to read", "images[7]")
        corners = [image[0, 0, 0], image[-1, 0, 0], image[-1, -1, 0], image[0, -1, 0]]
        degrees = TURNS[int(np.argmax(corners))] if len(set(corners)) > 1 else 0
        upright = (rows, columns) if degrees % 180 else (columns, rows)
        text = "other" if self.turns_matter and rows > columns else f"é{max(corners)}"
        box = ((1.0, 1.0), (upright[0] - 1.0, 1.0), (upright[0] - 1.0, 5.0), (1.0, 5.0))
        line = Line(text, 0.5, 0, box, (box[3], box[2]))
        regions = () if min(corners) == 255 else (Region((line,), box),)
        return Page(*upright, regions).turned(degrees)


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    calls = []

    def from_pretrained(**options):
        calls.append({name: value for name, value in options.items() if value is not None})
        return FakeReader()

    monkeypatch.setattr(Reader, "from_pretrained", from_pretrained)
    return calls


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(*arguments, given=None):
    return CliRunner().invoke(cli.app, ["read", *map(str, arguments)], input=given)


def page(gray=10, width=64, height=32):
    return Image.new("L", (width, height), gray)


def corner(gray=10, width=64, height=32):
    """A page whose top left corner is where its text starts."""
    image = page(gray, width, height)
    image.putpixel((0, 0), gray + 1)
    return image


def save(path, *grays, **options):
    """A file with a page for each gray."""
    first, *others = map(page, grays)
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(path, **more, **options)
    return path


def complaint(result, start):
    """The one line on standard error."""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"isotrope: {start}"), line
    assert result.exit_code == 1


def grays(pages):
    return [page.text[1:] for page in pages]


def rows(text):
    return [page_from_json(json.loads(line)) for line in text.splitlines()]


def test_a_page_is_its_text(loaded):
    result = read(save("a.png", 10))
    assert (result.stdout, result.stderr, result.exit_code) == ("é10\n", "", 0)
    assert loaded == [{"finder": "isotrope", "min_confidence": 0.0}]


def test_every_kind_of_input_in_order(folder):
    (folder / "set" / "deep").mkdir(parents=True)
    save("set/10.png", 10, dpi=(300, 300))
    save("set/9.tif", 1, 2, 3)
    save("set/deep/a.PDF", 20, 30, resolution=72)
    (folder / "list").write_text("set/10.png\n")
    result = read("set", "-", "--files-from", "list", "--format", "jsonl", given=content(77))
    pages = rows(result.stdout)
    assert [(p.file, p.number) for p in pages] == [
        *(("set/9.tif", number) for number in (1, 2, 3)),
        ("set/10.png", 1),
        *(("set/deep/a.PDF", number) for number in (1, 2)),
        ("-", 1),
    ]
    assert [p.resolution and round(p.resolution) for p in pages] == [
        *(None, None, None, 300, 72, 72, None)
    ]
    assert grays(pages)[:4] == ["1", "2", "3", "10"]
    assert result.exit_code == 0


def content(gray):
    file = io.BytesIO()
    page(gray).save(file, "PNG")
    return file.getvalue()


def test_a_pdf_on_standard_input(folder):
    save("a.pdf", 10, 20, resolution=72)
    result = read("-", "--format", "jsonl", given=(folder / "a.pdf").read_bytes())
    assert [(p.file, p.number) for p in rows(result.stdout)] == [("-", 1), ("-", 2)]


def write_texts(path, *texts):
    """A PDF with a page for each text."""
    document = pdfium.PdfDocument.new()
    for text in texts:
        sheet = document.new_page(64, 32)
        thing = pdfium.raw.FPDFPageObj_NewTextObj(document, b"Helvetica", 9)
        letters = (pdfium.raw.FPDF_WCHAR * 5)(*map(ord, text.ljust(4, "\0")), 0)
        pdfium.raw.FPDFText_SetText(thing, letters)
        if text:
            sheet.insert_obj(pdfium.PdfObject(thing, pdf=document))
        sheet.gen_content()
        sheet.close()
    document.save(path)
    document.close()


def test_skip_text(folder):
    write_texts("a.pdf", "text", "")
    assert len(rows(read("a.pdf", "--format", "jsonl").stdout)) == 2
    (left,) = rows(read("a.pdf", "--format", "jsonl", "--skip-text").stdout)
    assert left.number == 2
    write_texts("b.pdf", "text")
    result = read("b.pdf", "--skip-text")
    line = "isotrope: b.pdf: all of its pages have text and were passed over\n"
    assert (result.stdout, result.stderr, result.exit_code) == ("", line, 0)
    result = read("--crops", "a.pdf", "--skip-text")
    assert "--skip-text is for pages; leave it out, or --crops" in result.stderr
    assert result.exit_code == 2


def test_options_reach_the_reader(loaded, monkeypatch, folder):
    from isotrope.cli import request

    save("a.png", 10)
    given = {
        **{"weights": folder, "adapter": "fraktur", "engine": "gsanet", "model": "tiny"},
        **{"finder": "orbit", "min_confidence": 0.25, "runtime": "onnx", "beams": 2},
        **{"language": "deu", "device": "cpu", "detector": "some"},
    }
    monkeypatch.setattr(request, "check_reader", lambda _: None)  # no engine takes them all
    read("a.png", *[f"--{name.replace('_', '-')}={value}" for name, value in given.items()])
    given["path"] = given.pop("weights")
    assert loaded == [given]


@pytest.mark.parametrize("format", list(PAGE_FORMATS))
def test_out_equals_stdout(folder, format):
    save("a.png", 10)
    shown = read("a.png", "--format", format)
    written = read("a.png", "--format", format, "--out", "out")
    assert (written.stdout, written.stderr, written.exit_code) == ("", "", 0)
    assert (folder / "out").stat().st_size > 0
    if format in ("text", "md", "tsv", "jsonl"):  # others may hold the time
        assert (folder / "out").read_bytes() == shown.stdout_bytes


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("out", ["out/", "out", "new/out/"])
def test_a_folder_gets_a_file_for_each_input(folder, out):
    (folder / "set" / "deep").mkdir(parents=True)
    save("set/b.png", 10), save("set/deep/a.tif", 20, 30), save("c.png", 40)
    save("set/same.png", 1), save("set/same.jpg", 1)
    result = read("set", "c.png", "--out", out)
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    written = names(folder / out)
    assert written == ["b.txt", "c.txt", "deep/a.txt", "same.jpg.txt", "same.png.txt"]
    assert (folder / out / "deep" / "a.txt").read_text("utf-8") == "é20\n\fé30\n"


def test_one_file_for_all_where_the_format_can(folder):
    save("a.png", 10), save("b.tif", 20, 30)
    assert read("a.png", "b.tif", "--format", "jsonl", "--out", "all.jsonl").exit_code == 0
    assert grays(rows((folder / "all.jsonl").read_text("utf-8"))) == ["10", "20", "30"]


def test_a_format_of_one_page_is_numbered(folder):
    save("a.tif", 20, 30), save("b.png", 10)
    assert read("a.tif", "b.png", "--format", "page", "--out", "out/").exit_code == 0
    assert names(folder / "out") == ["a-1.page.xml", "a-2.page.xml", "b.page.xml"]
    assert read("a.tif", "--format", "page", "--out", "x.xml").exit_code == 0
    assert {"x-1.xml", "x-2.xml"} <= set(names(folder))
    result = read("a.tif", "--format", "page")
    complaint(result, "a.tif: has 2 pages, and standard output holds one in this format; give")
    assert result.stdout == ""


def test_outputs_that_cannot_be(folder, loaded):
    save("a.png", 10), save("b.png", 10), save("c.pdf", 10)
    (folder / "sub").mkdir()
    save("sub/a.png", 10)
    for arguments, line in {
        ("a.png", "b.png", "--format", "page"): "--out: 2 files to read, and one to write holds",
        ("a.png", "b.png", "--format", "hocr", "--out", "x.html"): "--out: 2 files to read",
        ("a.png", "b.png", "--show", "x.png"): "--show: 2 files to read, and one to write holds",
        ("a.png", "sub/a.png", "--out", "out/"): "--out out: a.png and sub/a.png would both be",
        ("a.png", "--show", "x.svg"): "--show x.svg: a page cannot be drawn as '.svg'; use .png",
        ("a.png", "--show", "x"): "--show x: a page cannot be drawn as ''; use .png",
        ("a.png", "--show", "a.png"): "--show a.png is the input a.png and would be overwritten",
        ("a.png", "--show", "./"): "--show a.png is the input a.png and would be overwritten",
        ("a.png", "--out", "x.png", "--show", "x.png"): "--out and --show are both x.png",
        ("a.png", "--format", "json"): "--format json: no format 'json'; choose one of text,",
        ("a.png", "--format", "xyz"): "--format xyz: no format 'xyz'; choose one of text,",
        ("--crops", "a.png", "--out", "sub"): "--out sub: a folder; with --crops give a file",
        ("--crops", "a.png", "--detector", "x"): "--detector x is for pages; leave it out, or",
        ("a.png", "--detector", "x"): "--detector x: not known; use pp-ocr, isotrope or a folder",
        (): "no images; name files or folders, - or --files-from",
    }.items():
        result = read(*arguments)
        (error,) = result.stderr.splitlines()
        assert error.startswith(f"isotrope: {line}")
        assert result.exit_code == 2
    assert "with --crops" in read("a.png", "--format", "json").stderr
    complaint(read("a.png", "--out", "a.png/"), "")
    complaint(read("a.png", "--out", "none/x.txt"), "none/x.txt: there is no folder none; make")
    assert loaded == []
    assert names(folder) == ["a.png", "b.png", "c.pdf", "sub/a.png"]


def test_pdf_is_not_written_to_a_terminal(monkeypatch):
    from isotrope.cli import read_pages

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    request = type("Request", (), {"format": "pdf", "out": None})
    if "pdf" in PAGE_FORMATS:
        with pytest.raises(ValueError, match="not for a terminal; give --out"):
            read_pages._format(request)


def test_bad_files_and_pages_leave_the_others(folder):
    save("good.png", 10)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing else")
    (folder / "empty.png").touch()
    page(0, 1, 1).save("dot.png")
    save("cut.pdf", 10, 20, 30, resolution=72)
    (folder / "text.pdf").write_text("text")
    pikepdf.new().save("nothing.pdf")
    with pikepdf.open("cut.pdf") as document:
        document.save("locked.pdf", encryption=pikepdf.Encryption(owner="a", user="b"))
    bad = {
        "nothing.pdf": "a PDF without pages; save it again, or leave it out",
        "locked.pdf": "needs a password; save it without one (qpdf --decrypt --password=...)",
        "broken.pdf": "a broken PDF, or one cut short; repair it",
        "empty.png": "an empty file; save or copy it again",
        "dot.png": "1x1 px: too small to read",
        "text.pdf": "text, not an image, whatever its name says",
        "none.pdf": "no such file; check the path",
    }
    for name, problem in bad.items():
        alone = read(name)
        complaint(alone, f"{name}: {problem}")
        assert alone.stdout == ""
        beside = read(name, "good.png")
        complaint(beside, f"{name}: {problem}")
        assert beside.stdout == "é10\n"
    result = read(*bad, "good.png", "cut.pdf", "--out", "out/")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == len(bad)
    assert names(folder / "out") == ["cut.txt", "good.txt"]


def test_an_output_that_cannot_be_written_leaves_the_others(folder):
    save("a.png", 10), save("b.png", 20)
    (folder / "out" / "a.txt").mkdir(parents=True)
    result = read("a.png", "b.png", "--out", "out/")
    complaint(result, "out/a.txt: cannot be written (Is a directory)")
    assert (folder / "out" / "b.txt").read_text("utf-8") == "é20\n"


def test_a_blank_page_is_an_empty_document(folder):
    save("a.png", 255)
    result = read("a.png")
    assert (result.stdout, result.exit_code) == ("", 0)
    (blank,) = rows(read("a.png", "--format", "jsonl").stdout)
    assert (blank.regions, blank.width) == ((), 64)


def test_a_tall_page(folder):
    page(10, 30, 20_000).save("a.png")
    assert read("a.png").stdout == "é10\n"


def test_too_many_pixels_are_one_line(folder, monkeypatch):
    save("a.png", 10)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    complaint(read("a.png"), "a.png: has more than 100 px, the most that are opened; make it")


def test_turns(folder, monkeypatch):
    corner(10).save("a.png"), corner(20).save("b.png")
    result = read("a.png", "b.png", "--turns")
    assert result.stdout == ("é11\n\fé21\nsame document at all four turns: 2 of 2 pages\n")
    assert (result.stderr, result.exit_code) == ("", 0)
    monkeypatch.setattr(FakeReader, "turns_matter", True)
    result = read("a.png", "--turns", "--format", "jsonl")
    (upright,) = rows(result.stdout)
    assert upright.text == "é11"
    assert result.stderr.splitlines() == [
        "isotrope: a.png: another document at 90° 270°",
        "same document at all four turns: 0 of 1 pages",
    ]
    assert result.exit_code == 0


def test_turns_of_a_bad_page_are_one_complaint(folder):
    page(0, 1, 1).save("dot.png")
    corner().save("a.png")
    result = read("dot.png", "a.png", "--turns")
    complaint(result, "dot.png: 1x1 px: too small")
    assert result.stdout.splitlines()[-1] == "same document at all four turns: 1 of 1 pages"


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_show(folder, suffix, kind):
    corner(200, 64, 32).save("a.png")
    result = read("a.png", "--show", f"x.{suffix}")
    assert (result.stdout, result.exit_code) == ("é201\n", 0)
    with Image.open(f"x.{suffix}") as drawn:
        assert (drawn.format, drawn.size) == (kind, (64, 32))
    read("a.png", "--turns", "--show", "four.png")
    with Image.open("four.png") as drawn:
        assert min(drawn.size) > 2 * 64


def test_show_many_pages(folder):
    save("a.tif", 10, 20), save("b.png", 30)
    assert read("a.tif", "b.png", "--show", "out/").exit_code == 0
    assert names(folder / "out") == ["a-1.png", "a-2.png", "b.png"]
    assert read("a.tif", "--show", "x.png").exit_code == 0
    assert {"x-1.png", "x-2.png"} <= set(names(folder))


def test_ten_thousand_pages_are_read_one_by_one(folder, monkeypatch):
    from isotrope.io.pdf_process import PdfApart as PdfPages

    save("a.pdf", 10, 20, resolution=72)
    monkeypatch.setattr(PdfPages, "__len__", lambda self: 10_000)
    drawn = []
    draw = PdfPages.draw
    monkeypatch.setattr(
        PdfPages, "draw", lambda self, index: drawn.append(index) or draw(self, index % 2)
    )
    seen = []
    monkeypatch.setattr(
        FakeReader,
        "_read",
        lambda self, image: seen.append(len(drawn)) or Page(image.shape[1], image.shape[0]),
    )
    result = read("a.pdf", "--format", "jsonl")
    assert seen == list(range(1, 10_001))
    assert len(result.stdout.splitlines()) == 10_000


@pytest.mark.parametrize("format", ["text", "md", "tsv", "jsonl"])
def test_pages_go_on_in_every_format(folder, monkeypatch, format):
    (folder / "set").mkdir()
    for number in range(6):
        save(f"set/{number}.tif", *range(10 * number, 10 * number + 3))
    read("set", "--format", format, "--out", "whole.x")
    plain, seen = FakeReader._read, []

    def interrupted(self, image):
        if len(seen) == 10:  # within the fourth file
            raise KeyboardInterrupt
        seen.append(1)
        return plain(self, image)

    monkeypatch.setattr(FakeReader, "_read", interrupted)
    assert read("set", "--format", format, "--out", "parts.x").exit_code == 130
    monkeypatch.setattr(
        FakeReader, "_read", lambda self, image: seen.append(1) or plain(self, image)
    )
    assert read("set", "--format", format, "--out", "parts.x", "--resume").exit_code == 0
    assert (folder / "parts.x").read_bytes() == (folder / "whole.x").read_bytes()
    assert len(seen) == 19, "only the page that was not recorded is read twice"


def test_a_folder_of_outputs_goes_on(folder, monkeypatch):
    (folder / "set").mkdir()
    for number in range(6):
        save(f"set/{number}.png", 10 * number)
    plain = FakeReader._read

    def interrupted(self, image):
        if image[0, 0, 0] == 40:
            raise KeyboardInterrupt
        return plain(self, image)

    monkeypatch.setattr(FakeReader, "_read", interrupted)
    result = read("set", "--out", "out/")
    assert result.exit_code == 130
    assert names(folder / "out") == [".isotrope-journal", "0.txt", "1.txt", "2.txt", "3.txt"]
    assert "interrupted; go on with it by --resume" in read("set", "--out", "out/").stderr
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.txt")}
    monkeypatch.setattr(FakeReader, "_read", plain)
    page(99).save("set/1.jpg")
    assert read("set", "--out", "out/", "--resume").exit_code == 0
    texts = [f"{number}.txt" for number in (0, 1, 2, 3, 4, 5)]
    assert names(folder / "out") == sorted([".isotrope-journal", "1.jpg.txt", *texts])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert read("set", "--out", "out/").exit_code == 0
    assert ".isotrope-journal" not in names(folder / "out")


def test_a_disk_that_is_full_stops_the_run(folder, monkeypatch):
    from isotrope.cli import read_pages

    save("a.png", 10), save("b.png", 20), save("c.png", 30)
    plain, calls = read_pages.write_bytes, []

    def full(pieces, place):
        calls.append(place)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        plain(pieces, place)

    monkeypatch.setattr(read_pages, "write_bytes", full)
    result = read("a.png", "b.png", "c.png", "--out", "out/")
    line = "out/b.txt: cannot be written (No space left on device); free some space, then --resume"
    complaint(result, line)
    assert calls == [Path("out/a.txt"), Path("out/b.txt")]
    assert read("a.png", "b.png", "c.png", "--out", "out/", "--resume").exit_code == 0
    assert calls[2:] == [Path("out/b.txt"), Path("out/c.txt")]


@pytest.mark.parametrize("out", ["out/", "out.jsonl"])
def test_a_reader_that_fails_is_no_end_of_the_run(folder, monkeypatch, out):
    save("a.png", 10), save("b.png", 20), save("c.png", 30)
    plain = FakeReader._read

    def fail(self, image):
        if image[0, 0, 0] == 20:
            raise ValueError("the engine has lost its mind")
        return plain(self, image)

    monkeypatch.setattr(FakeReader, "_read", fail)
    result = read("a.png", "b.png", "c.png", "--out", out)
    problem, last = result.stderr.splitlines()
    assert problem == "isotrope: the engine has lost its mind"
    assert last.startswith("isotrope: stopped: 1 files read (1 pages); ")
    assert result.exit_code == 1
    assert "interrupted" in read("a.png", "b.png", "c.png", "--out", out).stderr
    monkeypatch.setattr(FakeReader, "_read", plain)
    assert read("a.png", "b.png", "c.png", "--out", out, "--resume").exit_code == 0
    if out == "out/":
        assert names(folder / "out")[1:] == ["a.txt", "b.txt", "c.txt"]
    else:
        assert grays(rows((folder / out).read_text("utf-8"))) == ["10", "20", "30"]
