"""One image or many, of every kind, a bad one as its error."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from isotrope.io.images import ImageError
from isotrope.ocr.windows import loaded


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
