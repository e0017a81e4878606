"""Under a limit on memory, a file that needs more is one line, and the others are read."""

import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import typer
from PIL import Image

from isotrope.cli.errors import exit_on_error
from isotrope.io.errors import TOO_LARGE, ImageError
from isotrope.io.images import load_pixels, load_unit
from isotrope.io.sheets import page_images
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.onnx.session import run
from isotrope.ocr.reader import Reader

SIDE = 9400  # px: just within what is opened, 340 MiB once decoded in color


def png(side, color):
    """A white PNG of this side, in 100 kB; color 0: gray, 16 bits; 6: RGBA."""
    row = b"\0" + b"\xff" * (side * (2 if color == 0 else 4))
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 16 if color == 0 else 8, color, 0, 0, 0)

    def chunk(kind, content):
        end = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + end

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.slow
def test_a_limit_on_the_address_space(tmp_path):
    resource = pytest.importorskip("resource")
    (tmp_path / "a.png").write_bytes(png(SIDE, 6))
    (tmp_path / "b.png").write_bytes(png(SIDE, 0))
    (tmp_path / "bomb.png").write_bytes(png(30_000, 0)[:5000])
    Image.new("RGB", (400, 300), "white").save(tmp_path / "c.png")
    done = subprocess.run(
        [sys.executable, "-m", "isotrope", "read", "--out", "out/", "."],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (12 << 26, 12 << 26)),
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("isotrope: ")]
    assert lines[:2] == [f"isotrope: {name}.png: {TOO_LARGE}" for name in "ab"], done.stderr
    assert lines[2].startswith("isotrope: bomb.png: has more than")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c.txt"]


@pytest.mark.parametrize("load", [load_pixels, load_unit])
def test_decoding(tmp_path, monkeypatch, load):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def fail(*_):
        raise MemoryError

    for place in ("isotrope.io.images.as_pixels", "isotrope.io.opening.np.asarray"):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            patch.setattr("isotrope.io.images.as_unit", fail)
            with pytest.raises(ImageError) as caught:
                load(tmp_path / "a.png")
        assert str(caught.value) == f"{tmp_path}/a.png: {TOO_LARGE}"


def test_a_photo_is_not_left_as_it_lies(monkeypatch, tmp_path):
    """Turning it takes memory; failing to turn it must not go unnoticed."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "a.jpg", exif=exif)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("isotrope.io.opening.ImageOps.exif_transpose", fail)
    (error,) = page_images(tmp_path / "a.jpg")
    assert error.problem == TOO_LARGE


class Small:
    """An engine with memory for two lines of 8 px at once."""

    name, equivariant = "small", True

    def read(self, lines, batch_size=32):
        if sum(line.shape[1] for line in lines) > 16:
            raise MemoryError
        return [Transcript(str(line[0, 0, 0]), 1.0) for line in lines]


def test_crops_that_do_not_fit_together_are_read_one_by_one():
    images = [np.full((4, width, 3), width, np.uint8) for width in (8, 9, 8, 17, 3)]
    found = Reader(Small()).read(images, on_error="return")
    assert [getattr(each, "text", None) for each in found] == ["8", "9", "8", None, "3"]
    assert str(found[3]) == TOO_LARGE
    with pytest.raises(ImageError, match="too large for the memory at hand"):
        Reader(Small()).read(images)
    assert [reading.text for reading in Reader(Small()).read(images[:3])] == ["8", "9", "8"]


def test_a_page_that_does_not_fit(monkeypatch):
    read = []

    def fail(self, page, batch_size):
        read.append(page)
        raise MemoryError

    monkeypatch.setattr("isotrope.ocr.pages.reader.PageReader.read", fail)
    pages = [np.zeros((9, 9, 3), np.uint8)] * 2
    found = list(Reader(Small()).read_pages(pages, on_error="return"))
    assert [str(each) for each in found] == [f"images[{index}]: {TOO_LARGE}" for index in (0, 1)]
    with pytest.raises(ImageError, match=r"^images\[0\]: too large"):
        next(iter(Reader(Small()).read_pages(pages)))


def test_a_command_that_runs_out_of_memory_is_one_line(capsys):
    with pytest.raises(typer.Exit) as caught, exit_on_error():
        raise MemoryError
    assert caught.value.exit_code == 1
    line = "isotrope: there is too little memory; free some, or raise its limit\n"
    assert capsys.readouterr().err == line


class Session:
    def __init__(self, message):
        self.message = message

    def run(self, *_):
        raise RuntimeError(self.message)


def test_errors_of_onnxruntime():
    full = "BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested"
    with pytest.raises(MemoryError):
        run(Session(full), {})
    with pytest.raises(RuntimeError, match="a bad shape"):
        run(Session("a bad shape"), {})
