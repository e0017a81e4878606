"""A bad image is one error, in one line that says what to do."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isotrope.io import opening
from isotrope.io.images import ImageError, find_images, load_pixels, load_unit
from isotrope.io.sheets import page_images


def photo(width=60, height=40):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2), np.int16), r"type int16; it must be uint8"),
        (np.array([[0, 256]]), r"int64 values from 0 to 256; they must be in 0 to 255: rescale"),
        (np.array([[-1, 9]], np.int32), r"int32 values from -1 to 9; they must be in 0 to 255"),
        (np.full((2, 2), 255.0), r"from 255 to 255; they must be in \[0, 1\]: divide"),
        (np.full((2, 2), np.nan), r"from nan to nan; they must be in"),
        (np.zeros((2, 2, 5), np.uint8), r"shape \(2, 2, 5\); it must be \(H, W\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\); it must be"),
        (np.zeros((0, 4), np.uint8), r"4x0 px: an image without pixels"),
    ],
)
def test_bad_arrays(array, message):
    with pytest.raises(ImageError, match=message):
        load_unit(array)


def test_bad_tensors():
    torch = pytest.importorskip("torch")
    with pytest.raises(
        ImageError, match=r"a tensor of shape \(32, 32, 3\); it must be \(3, H, W\)"
    ):
        load_unit(torch.zeros(32, 32, 3))
    with pytest.raises(ImageError, match=r"shape \(2, 3, 8, 8\)"):
        load_unit(torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize("source", [None, 3, bytearray(b"png")])
@pytest.mark.parametrize("load", [load_pixels, load_unit])
def test_other_types(load, source):
    message = f"type {type(source).__name__}: give a path, the bytes of an image file, a file open"
    with pytest.raises(TypeError, match=message):
        load(source)


def test_a_file_opened_as_text_and_one_that_is_broken(tmp_path):
    (tmp_path / "a.png").write_text("text")
    with (
        (tmp_path / "a.png").open() as file,
        pytest.raises(TypeError, match="a file opened as text; open it in binary mode, 'rb'"),
    ):
        load_pixels(file)
    with (
        (tmp_path / "a.png").open("rb") as file,
        pytest.raises(ImageError, match=rf"^{tmp_path}/a.png: no image that can be opened"),
    ):
        load_pixels(file)


def test_bytes_that_are_no_image():
    for data in (b"", b"png", encoded(photo(), "PNG")[:20]):
        with pytest.raises(ImageError, match=r"^no image that can be opened, or a broken one"):
            load_pixels(data)
    data = encoded(photo(), "JPEG")
    with pytest.raises(ImageError, match=r"^broken or cut short"):
        load_pixels(data[: len(data) // 2])


def problem(path):
    """The error of a bad file, which must be one line that names the file."""
    with pytest.raises(ImageError) as caught:
        load_unit(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.source == str(path)
    return message


def test_missing_empty_folder_and_text(tmp_path):
    assert "no such file; check the path" in problem(tmp_path / "missing.png")
    (tmp_path / "empty.png").touch()
    assert "an empty file; save or copy it again" in problem(tmp_path / "empty.png")
    assert "a folder, not an image; give the files" in problem(tmp_path)
    (tmp_path / "text.png").write_text("Straße, not an image", encoding="utf-8")
    assert "text, not an image" in problem(tmp_path / "text.png")
    (tmp_path / "noise.png").write_bytes(bytes(range(256)))
    assert "no image that can be opened, or a broken one" in problem(tmp_path / "noise.png")
    (tmp_path / "file").touch()
    assert "cannot be opened (Not a directory)" in problem(tmp_path / "file" / "a.png")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("WEBP", {}),
        ("PPM", {}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_files_cut_short_are_errors_and_not_half_pictures(tmp_path, kind, options, share):
    data = encoded(photo(), kind, **options)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * share)])
    assert "broken" in problem(path)


def test_every_cut_of_a_png_header_is_an_image_error(tmp_path):
    data = encoded(photo(), "PNG")
    path = tmp_path / "cut.png"
    for length in range(1, 60):
        path.write_bytes(data[:length])
        problem(path)


def test_flipped_bytes_never_escape_as_other_errors(tmp_path):
    rng = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP"):
        good = np.frombuffer(encoded(photo(8, 6), kind), dtype=np.uint8)
        for _ in range(40):
            bad = good.copy()
            places = rng.integers(0, min(len(bad), 120), 4)
            bad[places] = rng.integers(0, 256, 4)
            (tmp_path / "bad").write_bytes(bad.tobytes())
            with contextlib.suppress(ImageError):
                assert load_unit(tmp_path / "bad").shape[-1] == 3


@pytest.mark.parametrize("limit", [100, 1500])  # Pillow refuses the first, warns of the second.
@pytest.mark.parametrize("filter", ["ignore", "error"])
def test_too_many_pixels(tmp_path, monkeypatch, limit, filter):
    photo().save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with warnings.catch_warnings(action=filter):
        assert f"more than {limit} px" in problem(tmp_path / "large.png")
        assert "raise PIL.Image.MAX_IMAGE_PIXELS" in problem(tmp_path / "large.png")


def test_the_size_of_every_page_is_checked(tmp_path, monkeypatch):
    photo(10, 10).save(tmp_path / "a.tif", save_all=True, append_images=[photo()])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    small, large = page_images(tmp_path / "a.tif")
    assert small.pixels.shape == (10, 10, 3)
    assert "a.tif#2: has more than 1000 px" in str(large)


def test_a_tiff_of_very_many_pages_is_refused(tmp_path, monkeypatch):
    photo(2, 2).save(tmp_path / "a.tif", save_all=True, append_images=[photo(2, 2)] * 6)
    monkeypatch.setattr(opening, "_MOST_PAGES", 6)
    (error,) = page_images(tmp_path / "a.tif")
    assert str(error) == f"{tmp_path}/a.tif: has more than 6 pages; split it (tiffsplit)"
    monkeypatch.setattr(opening, "_MOST_PAGES", 7)
    assert len(list(page_images(tmp_path / "a.tif"))) == 7


def test_decoders_can_be_silenced(tmp_path):
    data = bytearray(encoded(photo(), "TIFF", compression="tiff_lzw"))
    data[8:200] = b"\xff" * 192
    (tmp_path / "a.tif").write_bytes(data)
    code = (
        "from isotrope.io.opening import silence_decoders; from isotrope.io.sheets import *; "
        "list(page_images('a.tif')); print('loud'); silence_decoders(); list(page_images('a.tif'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "loud\n"
    assert done.stderr.count("LZWDecode") + done.stderr.count("tempfile.tif") == 1


def test_loading_leaves_the_filters_of_warnings_alone(tmp_path, monkeypatch):
    """They are shared by all threads."""
    photo().save(tmp_path / "a.png")
    monkeypatch.setattr(warnings, "catch_warnings", None)
    before = list(warnings.filters)
    assert load_pixels(tmp_path / "a.png").shape == (40, 60, 3)
    assert warnings.filters == before


def test_a_broken_pil_image(tmp_path):
    data = encoded(photo(), "JPEG")
    with (
        Image.open(io.BytesIO(data[: len(data) // 2])) as image,
        pytest.raises(ImageError, match="broken or cut short"),
    ):
        load_unit(image)


def test_a_folder_that_cannot_be_opened_is_reported(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "a.png").touch()
    (tmp_path / "b.png").touch()
    scandir = os.scandir

    def refusing(place):
        if Path(place).name == "shut":
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "shut")
    assert find_images(tmp_path) == [tmp_path / "b.png", tmp_path / "shut"]
    assert "a folder that cannot be opened; check its permissions" in problem(tmp_path / "shut")


def test_find_images_keeps_what_cannot_be_opened(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "missing")
    os.mkfifo(tmp_path / "b.png")
    assert find_images(tmp_path) == [tmp_path / "a.png", tmp_path / "b.png"]
    assert "a link to a file that is not there; mend" in problem(tmp_path / "a.png")
    assert "a device or a pipe, not an image; save" in problem(tmp_path / "b.png")
