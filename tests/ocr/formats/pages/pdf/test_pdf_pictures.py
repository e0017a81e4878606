"""Images in a PDF look as they did."""

import io
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
from PIL import Image

from isotrope.io.errors import ImageError
from isotrope.io.images import load_pixels
from isotrope.io.opening import opened
from isotrope.io.sheets import page_images
from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.pdf import book, pdf_pages

GENERATOR = np.random.default_rng(0)
ROUGH = GENERATOR.integers(0, 256, (37, 53, 3), np.uint8)
SMOOTH = np.array(Image.fromarray(ROUGH[:8, :8]).resize((53, 37), Image.Resampling.BICUBIC))


def saved(image, kind, **options):
    """The contents of an image file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def page_of(content, number=1, **values):
    height, width = list(page_images(content))[number - 1].pixels.shape[:2]
    return Page(width, height, number=number, **values)


def shown(content, index=0):
    """A page of a PDF, drawn with a pixel for each of its image, which must not blur it."""
    with pdfium.PdfDocument(content) as document:
        page = document[index]
        [image] = [one for one in page.get_objects() if isinstance(one, pdfium.PdfImage)]
        (width, height), size = page.get_size(), image.get_px_size()
        columns, rows = size if (width > height) == (size[0] > size[1]) else size[::-1]
        bitmap = pdfium.PdfBitmap.new_native(columns, rows, raw.FPDFBitmap_BGRx)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, columns, rows)
        less = 1 - 1e-6  # or rounding would give the image a row more, and stretch it
        scale = raw.FS_MATRIX(columns / width * less, 0, 0, rows / height * less, 0, 0)
        whole = raw.FS_RECTF(0, 0, columns, rows)
        raw.FPDF_RenderPageBitmapWithMatrix(bitmap, page, scale, whole, raw.FPDF_REVERSE_BYTE_ORDER)
        return bitmap.to_numpy()[..., :3].copy()


def written(*contents, **values):
    pages = [page_of(content, **values) for content in contents]
    sources = dict(zip(map(id, pages), contents, strict=True))
    return b"".join(pdf_pages(pages, lambda page: sources[id(page)]))


def image_in(content, index=0):
    with pikepdf.open(io.BytesIO(content)) as document:
        [image] = document.pages[index].get_images().values()
        return image.Filter, image.read_raw_bytes()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "I;16", "CMYK"])
def test_without_loss(mode):
    image = Image.fromarray(ROUGH)
    image = Image.fromarray(ROUGH[..., 0].astype(np.uint16) * 257) if mode == "I;16" else image
    content = saved(image if mode == "I;16" else image.convert(mode), "TIFF")
    assert np.array_equal(shown(written(content)), load_pixels(content))
    assert image_in(written(content))[0] == "/FlateDecode"


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_arrays(shape):
    pixels = ROUGH[..., 0] if not shape else ROUGH[..., : shape[0]]
    content = b"".join(pdf_pages([Page(53, 37)], lambda _: pixels))
    assert np.array_equal(shown(content), load_pixels(pixels))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_is_kept(mode, orientation):
    image = Image.fromarray(SMOOTH).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(image, "JPEG", exif=exif, quality=95)
    made = written(content)
    assert image_in(made) == ("/DCTDecode", content)
    assert np.abs(shown(made).astype(int) - load_pixels(content)).max() <= 8


def test_broken_exif():
    content = saved(Image.fromarray(SMOOTH), "JPEG", exif=b"Exif\0\0no TIFF header")
    assert image_in(written(content))[0] == "/DCTDecode"


@pytest.mark.parametrize("width", [1, 8, 53])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_black_and_white(kind, width):
    content = saved(Image.fromarray(ROUGH[:, :width, 0] > 127), kind)
    made = written(content)
    assert image_in(made)[0] == "/CCITTFaxDecode"
    assert np.array_equal(shown(made), load_pixels(content))


def test_the_pages_of_a_tiff():
    images = [Image.fromarray(ROUGH), Image.fromarray(ROUGH[:20, :30])]
    content = saved(images[0], "TIFF", save_all=True, append_images=images[1:])
    pages = [page_of(content, number) for number in (1, 2)]
    made = b"".join(pdf_pages(pages, lambda _: content))
    for index, expected in enumerate(page_images(content)):
        assert np.array_equal(shown(made, index), expected.pixels)
    with pytest.raises(ImageError, match="has 2 pages, and none is 3"):
        list(pdf_pages([replace(pages[0], number=3)], lambda _: content))


def test_files(tmp_path):
    paths = [tmp_path / "a.jpg", tmp_path / "b.png"]
    for path in paths:
        Image.fromarray(SMOOTH).save(path)
    made = b"".join(pdf_pages(Page(53, 37, file=str(path)) for path in paths))
    with pikepdf.open(io.BytesIO(made)) as document:
        assert len(document.pages) == 2
        assert document.check_pdf_syntax() == []
    assert np.array_equal(shown(made, 1), SMOOTH)


def test_one_image_file_is_open_at_a_time(monkeypatch):
    now_open = []

    @contextmanager
    def watched(file):
        assert not now_open
        now_open.append(file)
        with opened(file) as image:
            yield image
        now_open.remove(file)

    monkeypatch.setattr(book, "opened", watched)
    written(*(saved(Image.fromarray(ROUGH[: 9 + i]), "PNG") for i in range(3)))
    assert not now_open


def size_of(content):
    with pikepdf.open(io.BytesIO(content)) as document:
        return [float(side) for side in document.pages[0].mediabox[2:]]


@pytest.mark.parametrize(("given", "resolution"), [(None, 300), (72, 72), (240.5, 240.5), (1, 300)])
def test_size(given, resolution):
    size = size_of(written(saved(Image.fromarray(SMOOTH), "JPEG"), resolution=given))
    assert size == pytest.approx([53 * 72 / resolution, 37 * 72 / resolution], abs=0.01)


@pytest.mark.parametrize("resolution", [None, 150, 300])
@pytest.mark.parametrize("size", [(248, 351), (310, 439), (1654, 2339)])
def test_the_pixels_are_the_same_when_the_pdf_is_read(size, resolution):
    image = Image.fromarray(GENERATOR.integers(0, 256, size[::-1], np.uint8))
    content = saved(image, "PNG")
    (page,) = page_images(written(content, resolution=resolution))
    assert np.array_equal(page.pixels, load_pixels(content))
    assert page.resolution == pytest.approx(resolution or 300)


def test_a_photograph_with_a_preview():
    preview = Image.fromarray(SMOOTH[::2, ::2])
    content = saved(Image.fromarray(SMOOTH), "MPO", save_all=True, append_images=[preview])
    made = written(content)
    assert image_in(made)[0] == "/DCTDecode"
    assert np.abs(shown(made).astype(int) - load_pixels(content)).max() <= 8


def test_a_long_page_fits():
    content = saved(Image.new("L", (3, 30_000)), "PNG")
    assert size_of(written(content, resolution=72.0)) == pytest.approx([1.44, 14_400])


def test_the_same_pages_give_the_same_file():
    content = saved(Image.fromarray(SMOOTH), "PNG")
    assert written(content) == written(content)


@pytest.mark.parametrize("content", [b"", b"nothing", saved(Image.fromarray(ROUGH), "PNG")[:200]])
def test_broken_images(content):
    with pytest.raises(ImageError):
        list(pdf_pages([Page(53, 37)], lambda _: content))


def test_no_pages():
    with pytest.raises(ValueError, match="no pages; a PDF has one or more"):
        list(pdf_pages([]))
