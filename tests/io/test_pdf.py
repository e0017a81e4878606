"""Pages of PDF files as pixels."""

import io
import threading

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw

from isotrope.io import pdf as module
from isotrope.io.pdf import MOST_PIXELS, RESOLUTION, PdfPages
from isotrope.io.sheets import page_images

HELLO = "BT /F 12 Tf 20 50 Td (Hello) Tj ET"
HIDDEN = "BT /F 12 Tf 3 Tr 20 50 Td (Hello) Tj ET"


def test_pages_in_order(write_pdf):
    path = write_pdf("a.pdf", HELLO, "", HELLO, size=(72, 60))
    pages = list(page_images(path))
    assert [(page.number, page.count) for page in pages] == [(1, 3), (2, 3), (3, 3)]
    assert {page.pixels.shape for page in pages} == {(RESOLUTION * 5 // 6, RESOLUTION, 3)}
    assert [page.pixels.min() for page in pages] == [0, 255, 0]
    assert pages[0].resolution == pytest.approx(RESOLUTION)
    for source in (str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        again = list(page_images(source))
        assert all(map(np.array_equal, [page.pixels for page in again], [p.pixels for p in pages]))


def test_pixels_are_ours_and_rgb(write_pdf):
    (page,) = page_images(write_pdf("a.pdf", "1 0 0 rg 0 0 200 100 re f"))
    assert page.pixels.flags.writeable
    assert page.pixels.flags.c_contiguous
    assert tuple(page.pixels[50, 50]) == (255, 0, 0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotated_page_is_exactly_the_turned_one(write_pdf, degrees):
    slanted = "BT /F 12 Tf .9 .4 -.4 .9 20 20 Tm (Hello) Tj ET"
    (upright,) = page_images(write_pdf("a.pdf", slanted))
    (rotated,) = page_images(write_pdf("b.pdf", slanted, page=f"/Rotate {degrees}"))
    assert np.array_equal(rotated.pixels, np.rot90(upright.pixels, -degrees // 90))
    assert rotated.resolution == upright.resolution


def noise(width, height):
    values = np.random.default_rng(0).integers(0, 2, (height, width), np.uint8)
    return Image.fromarray(255 * values).convert("1")


@pytest.mark.parametrize(
    ("width", "height", "resolution"),
    [(511, 333, 97), (1654, 2339, 200), (1240, 1754, 150), (351, 248, 300), (2550, 3300, 300)],
)
def test_a_scan_keeps_its_pixels(tmp_path, width, height, resolution):
    image = noise(width, height)
    image.save(tmp_path / "a.pdf", resolution=resolution)
    (page,) = page_images(tmp_path / "a.pdf")
    assert page.resolution == pytest.approx(resolution, rel=1e-3)
    assert np.array_equal(page.pixels[..., 0], image.convert("L"))


def scan(write_pdf, rows, more="", images=1):
    """A page of 1 x 1 inch with an image of 10 px across over its whole width, and more."""
    draw = "".join(
        f"q 72 0 0 {72 / images} 0 {72 * index / images} cm BI /W 10 /H {rows // images} /CS /G "
        f"/BPC 8 /F /AHx ID {'80' * 10 * (rows // images)}> EI Q "
        for index in range(images)
    )
    (page,) = page_images(write_pdf("a.pdf", draw + more, size=(72, 72)))
    return round(page.resolution)


def test_what_counts_as_a_scan(write_pdf):
    assert scan(write_pdf, 50) == 50
    assert scan(write_pdf, 50, HIDDEN) == 50  # a layer of text that was read
    assert scan(write_pdf, 50, HELLO) == RESOLUTION
    assert scan(write_pdf, 300, HELLO) == 300
    assert scan(write_pdf, 60, images=5) == 60  # in strips
    logo = "q 9 0 0 9 0 0 cm BI /W 90 /H 1 /CS /G /BPC 8 /F /AHx ID " + "00" * 90 + "> EI Q "
    assert scan(write_pdf, 50, logo) == 50


def test_a_photo_on_a_page_is_no_scan(write_pdf):
    photo = "q 30 0 0 30 0 0 cm BI /W 2 /H 2 /CS /G /BPC 8 /F /AHx ID 80808080> EI Q "
    (page,) = page_images(write_pdf("a.pdf", photo + HELLO, size=(72, 72)))
    assert page.resolution == pytest.approx(RESOLUTION)


def test_pages_that_have_text_are_passed_over(write_pdf):
    path = write_pdf("a.pdf", HELLO, "0 0 9 9 re f", HIDDEN, "BT /F 9 Tf ( ) Tj ET")
    assert [page.number for page in page_images(path, skip_text=True)] == [2, 4]
    assert [page.count for page in page_images(path, skip_text=True)] == [4, 4]


def test_a_filled_form_is_drawn(tmp_path):
    field = (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(x)/DA(/Helv 12 Tf 0 g)/Rect[10 10 90 30]"
        b"/MK<</BG[1 0 0]>>/F 4>>"
    )
    (tmp_path / "a.pdf").write_bytes(
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/NeedAppearances "
        b"true>>>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page"
        b"/Parent 2 0 R/MediaBox[0 0 100 100]/Annots[4 0 R]>>endobj 4 0 obj" + field + b"endobj "
        b"trailer<</Root 1 0 R>>"
    )
    (page,) = page_images(tmp_path / "a.pdf")
    assert page.pixels.min() < 255


LOCK = f"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O({'o' * 32})/U({'u' * 32})>>/ID[<00><00>]"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"trailer": LOCK}, "needs a password; save it without one (qpdf --decrypt --password=..."),
        ({"trailer": LOCK.replace("Standard", "Other")}, "encrypted in a way that is not known"),
    ],
)
def test_a_locked_file(write_pdf, options, problem):
    path = write_pdf("a.pdf", HELLO, **options)
    (error,) = page_images(path)
    assert str(error).startswith(f"{path}: {problem}")


def test_a_file_without_pages(write_pdf):
    list(page_images(write_pdf("locked.pdf", HELLO, trailer=LOCK)))  # pdfium remembers its error
    (error,) = page_images(write_pdf("a.pdf"))
    assert error.problem == "a PDF without pages; save it again, or leave it out"


def test_a_broken_file(write_pdf):
    path = write_pdf("a.pdf", HELLO)
    content = path.read_bytes()
    for part in (content[:100], b"%PDF-1.4 nothing else"):
        path.write_bytes(part)
        (error,) = page_images(path)
        assert str(error) == (
            f"{path}: a broken PDF, or one cut short; repair it (qpdf, or print it to a new one)"
        )


def test_what_is_called_a_pdf(tmp_path):
    (tmp_path / "a.pdf").write_text("text")
    (error,) = page_images(tmp_path / "a.pdf")
    assert "text, not an image, whatever its name says" in str(error)
    noise(9, 9).save(tmp_path / "b.pdf", "PNG")
    (page,) = page_images(tmp_path / "b.pdf")
    assert page.pixels.shape == (9, 9, 3)


@pytest.mark.parametrize("skip_text", [False, True])
def test_a_broken_page_leaves_the_others(write_pdf, skip_text):
    path = write_pdf("a.pdf", "", "", "", broken=[1])
    first, bad, last = page_images(path, skip_text)
    assert (first.number, last.number) == (1, 3)
    assert str(bad).startswith(f"{path}#2: a broken page; repair the PDF")
    _, unnamed, _ = page_images(path.read_bytes())
    assert str(unnamed).startswith("page 2: a broken page")


@pytest.mark.parametrize("size", [(14400, 14400), (200, 14400), (0, 0), (14400, 0.001)])
def test_absurd_sizes(write_pdf, size, monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 1 << 20)
    with PdfPages(write_pdf("a.pdf", HELLO, size=size)) as pages:
        page = pages.draw(0)
    rows, columns, _ = page.pixels.shape
    assert rows * columns <= 1.01 * (1 << 20)
    assert page.resolution <= RESOLUTION


def test_the_largest_page_is_moderate():
    assert 3 * MOST_PIXELS <= 100 << 20  # bytes


def test_ten_thousand_pages_are_drawn_one_by_one(write_pdf, monkeypatch):
    closed, close = [], pdfium.PdfDocument.close
    monkeypatch.setattr(
        pdfium.PdfDocument, "close", lambda self: closed.append(self) or close(self)
    )
    path = write_pdf("a.pdf", *[""] * 10_000, size=(1, 1))
    with PdfPages(path) as pages:
        for index in range(250):
            pages.draw(index)
    assert len(closed) == 3  # or pdfium would keep everything it has read
    apart = page_images(path)
    assert [next(apart).number for _ in range(3)] == [1, 2, 3]
    assert next(apart).count == 10_000


def test_threads_share_pdfium(tmp_path, write_pdf):
    image = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(image).text((9, 9), "text", 0)
    image.save(tmp_path / "a.pdf", save_all=True, append_images=[image] * 9)
    paths = [tmp_path / "a.pdf", write_pdf("b.pdf", *[HELLO] * 10)]
    expected = [[page.pixels.sum() for page in page_images(path)] for path in paths]
    results, threads = {}, []

    def run(index):
        results[index] = [page.pixels.sum() for page in page_images(paths[index % 2])]

    for index in range(8):
        threads.append(threading.Thread(target=run, args=(index,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert results == {index: expected[index % 2] for index in range(8)}


def test_a_file_that_vanishes_is_still_read(write_pdf, monkeypatch):
    path = write_pdf("a.pdf", HELLO, HELLO, HELLO)
    monkeypatch.setattr(module, "_REOPENED", 2)
    with PdfPages(path) as pages:
        pages.draw(0)
        path.unlink()
        assert [pages.draw(index).pixels.min() for index in (1, 2)] == [0, 0]
