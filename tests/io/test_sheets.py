"""Files of several pages are read page by page, never one page in silence."""

import io
import weakref
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from isotrope.io import sheets
from isotrope.io.images import ImageError, load_pixels, load_unit
from isotrope.io.sheets import page_images, page_name

SHADES = (10, 20, 30)
PAGES = [Image.new("L", (4 + number, 3), shade) for number, shade in enumerate(SHADES)]


@pytest.fixture
def fax(tmp_path):
    path = tmp_path / "fax.tif"
    PAGES[0].save(path, save_all=True, append_images=PAGES[1:])
    return path


def shades(source):
    return [int(page.pixels[0, 0, 0]) for page in page_images(source)]


def test_every_page_is_read_in_its_own_size(fax):
    pages = list(page_images(fax))
    assert [page[1:] for page in pages] == [(1, 3, None), (2, 3, None), (3, 3, None)]
    assert [page.pixels.shape for page in pages] == [(3, 4, 3), (3, 5, 3), (3, 6, 3)]
    assert shades(fax) == shades(fax.read_bytes()) == shades(io.BytesIO(fax.read_bytes()))
    assert shades(str(fax)) == list(SHADES)


@pytest.mark.parametrize("load", [load_pixels, load_unit])
def test_one_page_of_several_is_not_taken_in_silence(fax, load):
    with pytest.raises(ImageError, match=r"fax.tif: has 3 pages; save each as a file of its own"):
        load(fax)


def test_an_open_image_gives_the_page_where_it_stands(fax):
    with Image.open(fax) as image:
        image.seek(1)
        assert load_pixels(image)[0, 0, 0] == 20
        assert shades(image) == list(SHADES)
        assert image.tell() == 1


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_is_its_first_frame(tmp_path, kind):
    moving = [Image.new("RGB", (2, 2), (shade,) * 3) for shade in (255, 0)]
    moving[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=moving[1:], lossless=True)
    assert load_unit(tmp_path / f"a.{kind}").min() == 1
    assert shades(tmp_path / f"a.{kind}") == [255]


def test_a_thumbnail_in_a_tiff_is_no_page(tmp_path):
    mark = ImageFileDirectory_v2()
    mark[254] = 1  # a reduced copy
    PAGES[0].encoderinfo = {}
    PAGES[1].encoderinfo = {"tiffinfo": mark}
    PAGES[0].save(tmp_path / "a.tif", save_all=True, append_images=[PAGES[1]])
    assert load_pixels(tmp_path / "a.tif").shape == (3, 4, 3)
    (page,) = page_images(tmp_path / "a.tif")
    assert (page.number, page.count) == (1, 1)


def test_what_is_no_file_is_one_page():
    array = np.zeros((2, 3), np.uint8)
    assert [page.pixels.shape for page in page_images(array)] == [(2, 3, 3)]
    assert [page.pixels.shape for page in page_images(Image.fromarray(array))] == [(2, 3, 3)]
    with pytest.raises(TypeError, match="an image of type int: give a path"):
        list(page_images(3))


def test_a_file_whose_later_pages_are_lost_is_cut_short(fax):
    content = fax.read_bytes()
    for length in range(len(content) - 1, len(content) // 3, -40):
        fax.write_bytes(content[:length])
        with pytest.raises(ImageError, match=r"fax\.tif: "):
            load_pixels(fax)


@pytest.mark.parametrize(
    ("dpi", "resolution"),
    [((300, 300), 300), ((72, 72.1), 72), ((204, 98), None), ((0, 0), None), ((1, 1), None)],
)
def test_the_resolution_of_an_image(tmp_path, dpi, resolution):
    PAGES[0].save(tmp_path / "a.png", dpi=dpi)
    (page,) = page_images(tmp_path / "a.png")
    assert page.resolution == pytest.approx(resolution, abs=0.1)


def test_an_image_without_a_resolution(tmp_path):
    PAGES[0].save(tmp_path / "a.png")
    (page,) = page_images(tmp_path / "a.png")
    assert page.resolution is None


def test_a_bad_page_leaves_the_others(tmp_path, monkeypatch):
    fax = tmp_path / "fax.tif"
    small, large = Image.new("L", (4, 3)), Image.new("L", (6, 3))
    small.save(fax, save_all=True, append_images=[large, small])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15)
    first, bad, last = page_images(fax)
    assert (first.number, last.number, last.count) == (1, 3, 3)
    assert str(bad).startswith(f"{fax}#2: has more than 15 px")


def test_a_bad_file_is_an_error_in_its_place(tmp_path):
    (error,) = page_images(tmp_path / "none.png")
    assert str(error) == f"{tmp_path / 'none.png'}: no such file; check the path"
    (error,) = page_images(b"text")
    assert error.source is None
    (error,) = page_images(b"text", name="-")
    assert error.source == "-"


def test_page_name():
    assert page_name("a.pdf", 1, 1) == "a.pdf"
    assert page_name("a.pdf", 2, 3) == "a.pdf#2"


def test_the_decoded_file_is_gone_while_its_page_is_read(tmp_path, monkeypatch):
    """Pillow's pixels take more memory than the page."""
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 3)).save(path)
    alive = []
    opened = sheets.opened

    @contextmanager
    def watched(file):
        with opened(file) as image:
            alive.append(weakref.ref(image))
            yield image

    monkeypatch.setattr(sheets, "opened", watched)
    pages = sheets.page_images(path)
    page = next(pages)
    assert page.pixels.shape == (3, 4, 3)
    assert alive[0]() is None
    assert list(pages) == []
