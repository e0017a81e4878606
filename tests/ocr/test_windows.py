"""Windows: short ones first, bounded in images and in pixels, nothing lost or reordered."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isotrope.io.images import ImageError
from isotrope.ocr import windows as module
from isotrope.ocr.windows import loaded, windows


def images(count, side=4):
    return [np.full((side, side, 3), number, np.uint8) for number in range(count)]


@pytest.mark.parametrize(
    ("first", "most", "lengths"),
    [(4, 16, [4, 8, 16, 12]), (4, 4, [4] * 10), (3, 8, [3, 6, 8, 8, 8, 7]), (64, 16, [16, 16, 8])],
)
def test_windows_grow(first, most, lengths):
    found = list(windows(images(40), first, most))
    assert [len(window) for window in found] == lengths
    assert [int(image[0, 0, 0]) for window in found for image in window] == list(range(40))


def test_pixels_are_bounded_and_errors_hold_none(monkeypatch):
    monkeypatch.setattr(module, "PIXELS", 3 * 16)
    given = images(7)
    given[1:1] = [ImageError("broken"), ImageError("broken")]
    assert [len(window) for window in windows(given, 8, 8)] == [5, 3, 1]
    large = images(2, side=100)
    assert [len(window) for window in windows(large, 8, 8)] == [1, 1], "alone it may be larger"


def test_a_window_is_given_before_the_next_image_is_opened():
    opened = []

    def slowly():
        for image in images(10):
            opened.append(image)
            yield image

    next(windows(slowly(), 2, 8))
    assert len(opened) == 2


def test_a_path_bytes_and_a_file_object_are_one_image_each(tmp_path):
    """A file object is not the list of its lines."""
    path = tmp_path / "a.png"
    Image.new("L", (5, 4)).save(path)
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file):
            assert [pixels.shape for pixels in loaded(source)] == [(4, 5, 3)]
            assert [pixels.shape for pixels in loaded(iter([source] * 2))] == [(4, 5, 3)] * 2


def test_errors_name_the_file_or_the_place(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\0")
    with (tmp_path / "a.png").open("rb") as file:
        found = list(loaded([Path("missing"), np.zeros((4, 1)), b"\0", 3, file]))
    assert all(isinstance(error, ImageError) for error in found)
    names = [error.source for error in found]
    assert names == ["missing", "images[1]", "images[2]", "images[3]", str(tmp_path / "a.png")]
