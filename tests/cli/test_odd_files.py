"""Files that are not what they seem, or change while they are read: one line each, others go on."""

import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli
from isotrope.io import steady
from isotrope.jobs.todo import Todo
from isotrope.ocr.document import Page
from isotrope.ocr.reader import Reader


def lines(result):
    """The lines on standard error; they all belong to the command."""
    found = result.stderr.splitlines()
    assert all(line.startswith("isotrope: ") for line in found), found
    return [line.removeprefix("isotrope: ") for line in found]


def test_a_pipe_in_a_folder_is_passed(folder, read):
    os.mkfifo("a.png")
    result = read(".", "--format", "text")
    assert result.stdout == "1.png\t1\n2.png\t2\n3.png\t3\n"
    (line,) = lines(result)
    assert line.startswith("a.png: a device or a pipe, not an image; save the image to a file")
    assert result.exit_code == 1


@pytest.mark.parametrize("pause", [0, 0.02])
def test_what_comes_through_a_descriptor_is_read(folder, read, pause):
    """As `<(command)` in a shell; slowly too."""
    end, start = os.pipe()

    def trickle(content):
        with os.fdopen(start, "wb", 0) as pipe:
            for index in range(0, len(content), 20):
                pipe.write(content[index : index + 20])
                time.sleep(pause)

    thread = threading.Thread(target=trickle, args=[Path("2.png").read_bytes()])
    thread.start()
    result = read("1.png", f"/dev/fd/{end}", "3.png")
    thread.join()
    os.close(end)
    assert result.stdout == f"1.png\t1\n/dev/fd/{end}\t2\n3.png\t3\n"
    assert (lines(result), result.exit_code) == ([], 0)


def test_a_pipe_that_gives_too_much(folder, read, monkeypatch):
    end, start = os.pipe()
    os.write(start, Path("2.png").read_bytes())
    os.close(start)
    monkeypatch.setattr(steady, "MOST_BYTES", 20)
    result = read(f"/dev/fd/{end}", "1.png")
    os.close(end)
    assert lines(result) == [
        f"/dev/fd/{end}: longer than 0 GiB, the most that is read at once; cut it up"
    ]
    assert result.stdout == "1.png\t1\n", (result.stderr, result.exception)


def test_sockets_devices_loops_and_folders(folder, read):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.png")
        os.symlink("/dev/zero", "zero.png")
        os.symlink("loop.png", "loop.png")
        os.symlink("nowhere", "nowhere.png")
        os.symlink("/dev/stdin", "stdin.png")
        os.mkdir("folder.png")
        os.symlink("..", "folder.png/above")
        os.rename("3.png", "folder.png/3.png")
        result = read(".", "--format", "text", given=b"not read")
    assert result.stdout == "1.png\t1\n2.png\t2\nfolder.png/3.png\t3\n"
    starts = [
        "loop.png: cannot be opened (Too many levels of symbolic links)",
        "nowhere.png: a link to a file that is not there",
        "socket.png: a device or a pipe, not an image",
        "stdin.png: a ",
        "zero.png: a device or a pipe, not an image",
    ]
    found = lines(result)
    assert len(found) == len(starts)
    assert all(line.startswith(start) for line, start in zip(found, starts, strict=True)), found


def test_odd_names(folder, read):
    names = [b"a\nb.png", b"\xff\xfe.png", b"x" * 251 + b".png", "\u202egnp.png".encode()]
    for name in names:
        Image.new("L", (8, 4), 7).save(os.fsdecode(name))
    result = read(*map(os.fsdecode, names))
    assert (lines(result), result.exit_code) == ([], 0)
    assert result.stdout.count("\t7\n") == 4
    missing = read(os.fsdecode(b"\xff\n.png"), "y" * 5000)
    assert missing.exit_code == 1
    assert len(lines(missing)) == 2


def test_a_file_that_vanishes_after_it_was_listed(folder, read, monkeypatch):
    def listed(self):
        for item in files(self):
            with suppress(FileNotFoundError):
                os.remove("2.png")
            yield item

    files = Todo.__iter__
    monkeypatch.setattr(Todo, "__iter__", listed)
    monkeypatch.setattr("isotrope.jobs.inputs.os.path.exists", lambda path: True)
    result = read("1.png", "2.png", "3.png")
    assert result.stdout == "1.png\t1\n3.png\t3\n"
    assert lines(result) == ["2.png: no such file; check the path"]
    assert result.exit_code == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_what_may_not_be_read(folder, read):
    os.mkdir("shut", 0o700)
    os.rename("3.png", "shut/3.png")
    os.chmod("2.png", 0)
    os.chmod(folder, 0o755)
    read("1.png")  # imports all that it takes, which may be root's too
    os.setresuid(65534, 65534, 0)
    try:
        result = read(".", "shut", "--format", "text")
    finally:
        os.setresuid(0, 0, 0)
    assert result.stdout == "1.png\t1\n", (result.stderr, result.exception)
    assert len(lines(result)) == 3
    assert all("ermission" in line for line in lines(result))


def test_no_file_outside_of_the_output_folder_is_written(folder, loaded, monkeypatch):
    """Whatever a list names; and a file's own metadata are never names."""
    os.makedirs("in/deep")
    os.rename("1.png", "in/1.png")
    Image.new("L", (8, 4)).save("4.tif", tiffinfo={269: "../document", 285: "/tmp/page"})
    Path("list").write_text(f"in/../2.png\n{folder}/3.png\nin/deep/../1.png\n4.tif\n")
    before = set(folder.rglob("*"))
    monkeypatch.setattr(Reader, "read_pages", lambda self, images, *_, **__: map(blank, images))
    command = ["read", "--files-from", "list", "--out", "out/", "--format", "tsv"]
    result = CliRunner().invoke(cli.app, command)
    assert (result.exit_code, lines(result)) == (0, [])
    written = {str(path.relative_to(folder)) for path in set(folder.rglob("*")) - before}
    assert written == {"out", *(f"out/{number}.tsv" for number in range(1, 5))}


def blank(image):
    return Page(image.shape[1], image.shape[0], (), 0, 0.0)
