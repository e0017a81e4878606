"""Files that are pipes, or change while they are read."""

import io
import mmap
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from isotrope.io import steady
from isotrope.io.images import ImageError, load_pixels
from isotrope.io.sheets import is_pdf, page_images
from isotrope.io.steady import SteadyFile, piped
from isotrope.io.transcripts import read_transcript

NOISE = np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8)


def save(path, **options):
    Image.fromarray(NOISE).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.bmp", {}),
        ("a.ppm", {}),
        ("a.tif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.tif", {"compression": "tiff_adobe_deflate", "save_all": True}),
        ("a.jp2", {"irreversible": False}),
    ],
)
def test_no_decoder_maps_a_file(tmp_path, monkeypatch, name, options):
    """Another program could shorten it, which kills the process that has mapped it."""
    path = save(tmp_path / name, **options)
    monkeypatch.setattr(mmap, "mmap", None)
    assert np.array_equal(load_pixels(path), NOISE)
    with SteadyFile(path) as file, pytest.raises(io.UnsupportedOperation):
        file.fileno()  # libtiff would map it


@pytest.mark.parametrize("name", ["a.bmp", "a.tif", "a.png", "a.jpg", "a.jp2"])
def test_a_file_that_is_cut_short_while_it_is_read(tmp_path, monkeypatch, name):
    path = save(tmp_path / name)
    load = ImageFile.ImageFile.load

    def cut_and_load(self):
        os.truncate(path, 5000)
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", cut_and_load)
    with pytest.raises(ImageError, match=rf"^{path}: broken or cut short"):
        load_pixels(path)


def test_compressed_pages_are_read_into_memory_once(tmp_path, monkeypatch):
    pages = [Image.fromarray(NOISE)] * 5
    path = save(tmp_path / "a.tif", save_all=True, append_images=pages, compression="tiff_lzw")
    reads = []
    read = SteadyFile.read
    monkeypatch.setattr(
        SteadyFile, "read", lambda self, size=-1: reads.append(size) or read(self, size)
    )
    assert len(list(page_images(path))) == 6
    assert reads.count(-1) == 1


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "a.xml")
    (error,) = page_images(tmp_path / "a.png")
    assert str(error) == (
        f"{tmp_path}/a.png: a device or a pipe, not an image; save the image to a file, or pipe "
        "it into `isotrope read -`"
    )
    with pytest.raises(ValueError, match=r"not whole XML \(a device or a pipe, not an image\)"):
        read_transcript(tmp_path / "a.xml")


def test_a_file_that_becomes_a_pipe_just_before_it_is_opened(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda self: os.stat(__file__))
    with pytest.raises(ImageError, match="a device or a pipe"):
        SteadyFile(path)
    assert not is_pdf(path)


def test_an_open_descriptor_is_read_to_its_end(tmp_path):
    content = save(tmp_path / "a.png").read_bytes()
    end, start = os.pipe()
    threading.Thread(target=lambda: os.write(start, content) and os.close(start)).start()
    assert np.array_equal(load_pixels(f"/dev/fd/{end}"), NOISE)
    os.close(end)
    with pytest.raises(ImageError, match=rf"^/dev/fd/{end}: cannot be read \(No such file"):
        piped(f"/dev/fd/{end}")


def test_names_that_are_no_descriptors(tmp_path):
    with save(tmp_path / "a.png").open("rb") as file:
        name = f"/dev/fd/{file.fileno()}"
        assert piped(name) is None
        assert np.array_equal(load_pixels(name), NOISE)
    (tmp_path / "b.png").symlink_to("/dev/stdin")  # from a folder: standard input is not meant
    assert piped(tmp_path / "b.png") is None
    assert piped("a.png") is None


def test_process_substitution_and_standard_input_by_name(tmp_path):
    save(tmp_path / "a.png")
    load = "from isotrope.io.images import load_pixels as load"
    code = f"import sys; {load}; print(load(sys.argv[1]).sum())"
    for line in ('"$0" -c "$1" <(cat a.png)', 'cat a.png | "$0" -c "$1" /dev/stdin'):
        done = subprocess.run(
            ["bash", "-c", line, sys.executable, code], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.stdout == f"{NOISE.sum()}\n", done.stderr


def test_what_is_too_long_for_memory(tmp_path, monkeypatch):
    path = save(tmp_path / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(steady, "MOST_BYTES", 1000)
    with pytest.raises(ImageError, match=rf"^{path}: .*longer than"):
        load_pixels(path)


def test_a_sparse_file_is_not_read(tmp_path):
    """64 GiB of zeros on no disk space."""
    path = tmp_path / "a.webp"
    with path.open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWEBPVP8 ")
        file.truncate(64 << 30)
    (error,) = page_images(path)
    assert "longer than 2 GiB" in str(error)
    assert stat.S_ISREG(path.stat().st_mode)
