"""Where results go, with a fake engine: nothing is destroyed."""

import os
import stat
import sys
import threading

import pytest

from isotrope.ocr.engines.base import Transcript


def test_an_output_without_permission_is_refused_before_reading(folder, loaded, monkeypatch, read):
    (folder / "out").write_text("good")
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "out")
    result = read("1.png", "--out", "out")
    expected = "isotrope: out: no permission to write out; name another file\n"
    assert (result.stderr, result.exit_code) == (expected, 1)
    assert loaded == []


def test_out_is_written_through_a_fifo(folder, read):
    os.mkfifo("pipe")
    got = []
    reading = threading.Thread(target=lambda: got.append((folder / "pipe").read_text()))
    reading.start()
    result = read("1.png", "2.png", "--out", "pipe")
    reading.join(10)
    assert got == ["1.png\t1\n2.png\t2\n"]
    assert result.exit_code == 0
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_out_follows_a_link(folder, read):
    (folder / "target").write_text("old")
    os.symlink("target", "link")
    assert read("1.png", "--out", "link").exit_code == 0
    assert os.path.islink("link")
    assert (folder / "target").read_text() == "1\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_out_to_a_full_device_is_one_line(folder, read):
    result = read("1.png", "--out", "/dev/full")
    assert result.stderr == (
        "isotrope: /dev/full: cannot be written (No space left on device); free or change it\n"
    )
    assert result.exit_code == 1
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_out_to_dev_stdout_goes_into_the_pipe(folder):
    import subprocess

    code = (
        "from conftest import *; "
        "Reader.from_pretrained = lambda **_: Reader(GrayEngine()); cli.main()"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "read",
        "--crops",
        "1.png",
        "2.png",
        "--out",
        "/dev/stdout",
    ]
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": _path(here)}
    )
    assert (done.stdout, done.stderr) == ("1.png\t1\n2.png\t2\n", "")
    assert os.path.exists("/dev/stdout")


def _path(first):
    return os.pathsep.join(filter(None, [first, os.environ.get("PYTHONPATH")]))


def test_a_disk_that_is_full_leaves_the_old_file(folder, monkeypatch, read):
    (folder / "out").write_text("good")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = read("1.png", "--out", "out")
    assert result.exit_code == 1
    assert "out: cannot be written (No space left on device)" in result.stderr
    assert (folder / "out").read_text() == "good"
    assert sorted(os.listdir()) == ["1.png", "2.png", "3.png", "out"]


@pytest.mark.parametrize("format", ["text", "tsv", "json"])
def test_a_good_output_is_not_emptied_where_every_image_fails(folder, format, read):
    (folder / "out").write_text("good")
    (folder / "bad.png").write_text("bad")
    for arguments in (["bad.png"], ["bad.png", "missing.png"], ["missing.png"]):
        result = read(*arguments, "--out", "out", "--format", format)
        assert result.exit_code == 1
        assert (folder / "out").read_text() == "good"
    read("bad.png", "--out", "new")
    assert not os.path.exists("new")


def test_a_fifo_is_closed_where_every_image_fails(folder, read):
    os.mkfifo("pipe")
    got = []
    reading = threading.Thread(target=lambda: got.append((folder / "pipe").read_text()))
    reading.start()
    read("missing.png", "--out", "pipe", "--format", "json")
    reading.join(10)
    assert got == ["[]\n"]


@pytest.mark.parametrize("name", ["1.png", "./1.png", "link.png", "hard.png"])
@pytest.mark.parametrize("option", ["--out", "--show"])
def test_an_output_that_is_an_input_is_refused(folder, loaded, name, option, read):
    os.symlink("1.png", "link.png")
    os.link("1.png", "hard.png")
    before = (folder / "1.png").read_bytes()
    result = read("1.png", option, name)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"isotrope: {option} ")
    assert "is the input 1.png and would be overwritten; give another output" in line
    assert (folder / "1.png").read_bytes() == before
    assert loaded == []


def test_an_output_that_is_in_the_folder_that_is_read_is_refused(folder, read):
    assert read(folder, "--show", "3.png").exit_code == 2
    (folder / "list").write_text("1.png")
    assert read("--files-from", "list", "--out", "list").exit_code == 2


def test_two_outputs_that_are_one_file_are_refused(folder, loaded, read):
    os.symlink("x.png", "link.png")
    for second in ("x.png", "./x.png", "link.png"):
        result = read("1.png", "--out", "x.png", "--show", second)
        expected = f"isotrope: --out and --show are both {second.removeprefix('./')}"
        assert result.stderr == f"{expected}; give two files\n"
        assert result.exit_code == 2
    assert loaded == []


def test_ctrl_c_keeps_the_old_output(folder, monkeypatch, read, gray_engine):
    (folder / "out").write_text("good")
    seen = []

    def interrupted(self, lines, batch_size=32):
        if seen:
            raise KeyboardInterrupt
        seen.append(1)
        return [Transcript("1", 1.0) for _ in lines]

    monkeypatch.setattr(gray_engine, "read", interrupted)
    result = read(*["1.png"] * 40, "--out", "out")
    assert result.stderr.startswith("isotrope: stopped: 32 files read (32 images); ")
    assert result.stderr.endswith("; the same command with --resume goes on\n")
    assert (result.stdout, result.exit_code) == ("", 130)
    assert (folder / "out").read_text() == "good"
    assert (folder / "out.part").read_text() == "1.png\t1\n" * 32
    seen.clear()
    result = read(*["1.png"] * 40)
    assert result.stdout == "1.png\t1\n" * 32, "what was read is there"
    assert (result.stderr, result.exit_code) == ("", 130)
