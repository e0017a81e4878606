"""The reader's way with images: kinds, order, bad ones, memory; and what it imports."""

import subprocess
import sys
from typing import get_overloads

import numpy as np
import pytest
import torch
from PIL import Image

import isotrope
from isotrope.io.images import ImageError
from isotrope.ocr import windows as windows_module
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.orientation.orbit import OrbitFinder
from isotrope.ocr.reader import WINDOW, Reader
from isotrope.ocr.reading import Reading


class GrayEngine:
    """Reads the mean gray; wants 8-bit RGB pixels in C order."""

    name = "gray"

    def __init__(self):
        self.batches = []

    def read(self, lines, batch_size=32):
        for line in lines:
            assert line.dtype == np.uint8
            assert line.shape[2] == 3
            assert line.flags["C_CONTIGUOUS"]
        self.batches.append(len(lines))
        return [Transcript(str(round(line.mean())), 0.5 + line.mean() / 512) for line in lines]


class Upright:
    """Takes every image to stand upright."""

    def find_pixels(self, images, batch_size=32):
        return [Orientation(0, 1.0, 0.0, (1.0, 0.0, 0.0, 0.0))] * len(images)


@pytest.fixture
def reader():
    return Reader(GrayEngine(), Upright())


def plain(gray, width=64, height=32):
    return Image.new("L", (width, height), gray)


def test_one_image_of_each_kind(reader, tmp_path):
    plain(7).save(tmp_path / "a.png")
    array = np.full((32, 64), 7, np.uint8)
    kinds = [tmp_path / "a.png", str(tmp_path / "a.png"), plain(7), array, torch.from_numpy(array)]
    for image in kinds:
        (reading,) = reader.read(image)
        assert reading == Reading("7", pytest.approx(0.5 + 7 / 512), 0)
    assert [reading.text for reading in reader.read(kinds)] == ["7"] * 5
    assert reader.read([]) == []


def test_a_reading_is_a_value():
    assert Reading("a", 0.5, 0) == Reading(text="a", confidence=0.5, orientation=0)
    with pytest.raises(AttributeError):
        Reading("a", 0.5, 0).text = "b"


def test_a_reader_is_immutable(reader):
    with pytest.raises(AttributeError):
        reader.min_confidence = 0.5


def test_mixed_sizes_keep_their_order(reader):
    rng = np.random.default_rng(0)
    sizes = rng.integers(20, 200, (250, 2))
    images = [plain(gray, int(w), int(h)) for gray, (w, h) in enumerate(sizes)]
    readings = reader.read((image for image in images), batch_size=4)
    assert [reading.text for reading in readings] == [str(gray) for gray in range(250)]


def test_memory_is_bounded(reader, monkeypatch):
    opened = 0

    def images():
        nonlocal opened
        for gray in range(1000):
            opened += 1
            yield plain(gray % 256)

    stream = reader.stream(images(), batch_size=2)
    assert opened == 0
    assert next(stream).text == "0"
    assert opened == 2, "the first batch is read as soon as it is there"
    assert next(stream).text == "1"
    assert next(stream).text == "2"
    assert opened == 2 + WINDOW * 2
    monkeypatch.setattr(windows_module, "PIXELS", 10 * 64 * 32)
    opened, reader.engine.batches[:] = 0, []
    next(reader.stream(images(), batch_size=32))
    assert opened <= 11  # the one that no longer fits is open too
    assert reader.engine.batches == [10]
    assert reader.read(plain(3, 640, 320))[0].text == "3"  # alone it may be larger


def test_turns_must_be_quarter_turns(reader):
    with pytest.raises(ValueError, match=r"turns=\(45,\) must be multiples of 90"):
        reader.stream([plain(0)], turns=(45,))


def bad_hundred(tmp_path):
    paths = []
    for gray in range(100):
        paths.append(tmp_path / f"{gray}.png")
        plain(gray).save(paths[-1])
    paths[37].write_text("not an image")
    return paths


def test_one_bad_among_a_hundred_raises_by_default(reader, tmp_path):
    with pytest.raises(ImageError, match=r"37\.png: text, not an image"):
        reader.read(bad_hundred(tmp_path))


def test_one_bad_among_a_hundred_stands_in_its_place(reader, tmp_path):
    results = reader.read(bad_hundred(tmp_path), on_error="return")
    assert isinstance(results[37], ImageError)
    assert results[37].source.endswith("37.png")
    del results[37]
    assert [r.text for r in results] == [str(gray) for gray in range(100) if gray != 37]


def test_errors_name_the_file_or_the_place(reader, tmp_path):
    plain(0, 1, 1).save(tmp_path / "dot.png")
    with pytest.raises(ImageError, match=r"dot\.png: 1x1 px: too small"):
        reader.read(tmp_path / "dot.png")
    with pytest.raises(ImageError, match=r"^images\[1\]: 1x1 px: too small"):
        reader.read([plain(0), plain(0, 1, 1)])
    with pytest.raises(ImageError, match=r"^images\[0\]: an array of shape"):
        reader.read(np.zeros((1, 2, 3, 4)))
    failed = list(reader.stream(plain(0, 1, 1), on_error="return", turns=(0, 90)))
    assert [type(result) for result in failed] == [ImageError] * 2


def test_what_is_no_image_is_an_error_in_its_place(reader):
    first, second = reader.read([None, plain(7)], on_error="return")
    assert isinstance(first, ImageError)
    assert str(first).startswith("images[0]: an image of type NoneType: give a path")
    assert second.text == "7"
    with pytest.raises(ImageError, match=r"^images\[0\]: an image of type NoneType"):
        reader.read([None, plain(7)])
    with pytest.raises(ImageError, match=r"^images\[0\]: an image of type NoneType: give a path"):
        reader.read(None)


def test_bad_arguments(reader):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        reader.read([], batch_size=0)
    with pytest.raises(ValueError, match="on_error='skip' must be 'raise' or 'return'"):
        reader.read([], on_error="skip")
    with pytest.raises(ValueError, match="threads=-1 must be at least 1; leave it out"):
        Reader.from_pretrained(threads=-1)


def says_word(pixels):
    return "word"


def test_from_pretrained_with_a_function():
    reader = Reader.from_pretrained(engine=says_word, finder="orbit", threads=1)
    assert isinstance(reader.finder, OrbitFinder)
    reader = Reader.from_pretrained(engine=says_word, finder=Upright(), min_confidence=0.2)
    assert (reader.engine.name, reader.min_confidence) == ("says_word", 0.2)
    with pytest.raises(ValueError, match="finder='up' is not known; use 'isotrope', 'orbit'"):
        Reader.from_pretrained(engine=says_word, finder="up")
    with pytest.raises(ValueError, match="language would make an engine, and one is given"):
        Reader.from_pretrained(engine=says_word, language="eng")


HEAVY = {"torch", "transformers", "peft", "matplotlib", "jiwer", "safetensors", "tokenizers"}


def test_reading_needs_no_torch():
    code = """
import sys
from typing import get_overloads
import numpy as np
from isotrope import OrientationFinder, Reader, Reading
import isotrope.ocr.engines.isotrope, isotrope.cli.read, isotrope.cli.orient
reader = Reader.from_pretrained(engine=lambda pixels: ("x", 0.5), finder="orbit")
assert reader.read(np.zeros((9, 9), np.uint8))[0].text == "x"
print(*sorted(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_what_raises_returns_no_errors():
    for method, holder in ((Reader.read, "list"), (Reader.stream, "Iterator")):
        raising, returning = (
            overload.__annotations__["return"] for overload in get_overloads(method)
        )
        assert raising == f"{holder}[Reading]"
        assert returning == f"{holder}[Reading | ImageError]"


def test_the_error_is_public():
    assert isotrope.ImageError is ImageError
