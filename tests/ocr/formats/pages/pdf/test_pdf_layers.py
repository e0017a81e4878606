"""Pages of an existing PDF keep what they have, and get a layer of text."""

import io
import sys
from dataclasses import replace

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from pikepdf import Array, Dictionary, Name

from isotrope.io.errors import ImageError
from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.pdf import pdf_pages

ROTATIONS = pytest.mark.parametrize("rotation", [0, 90, 180, 270])
CONTENT = b"0.5 0 0 rg 10 20 100 50 re f BT /F1 12 Tf 20 100 Td (Visible) Tj ET q 2 0 0 2 9 9 cm"
"""The last graphics state is never restored, as in many a file."""


def pdf_of(count=1, rotation=0, box=None, password=None, inherited=False):
    """A PDF with pages of 300 by 200 points."""
    pdf = pikepdf.new()
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    resources = pdf.make_indirect(Dictionary(Font=Dictionary(F1=font)))
    for _ in range(count):
        page = pdf.add_blank_page(page_size=(300, 200))
        page.Contents = pdf.make_stream(CONTENT)
        page.Rotate = rotation
        if box:
            page.CropBox = Array(box)
        page.Resources = resources
    if inherited:
        for page in pdf.pages:
            del page.obj["/Resources"], page.obj["/Rotate"], page.obj["/MediaBox"]
        pdf.Root.Pages.update(
            Dictionary(Resources=resources, Rotate=rotation, MediaBox=Array([0, 0, 300, 200]))
        )
    pdf.docinfo["/Title"] = "A title"
    file = io.BytesIO()
    pdf.save(file, encryption=password and pikepdf.Encryption(owner=password, user=password))
    return file.getvalue()


def drawn(content, index=0):
    with pdfium.PdfDocument(content) as document:
        return document[index].render(scale=2).to_numpy()


def read_page(line_page, content, number=1):
    """A page as read from a drawing of twice its size: its one line is at the top left."""
    height, width = drawn(content, number - 1).shape[:2]
    return replace(line_page("Hidden words"), width=width, height=height, number=number)


def place_of(content, word, index=0):
    """The box of a word in a drawing of the page at twice its size."""
    with pdfium.PdfDocument(content) as document:
        page = document[index]
        text = page.get_textpage()
        start, length = text.search(word).get_next()
        boxes = [text.get_charbox(i) for i in range(start, start + length)]
        left, bottom = np.min(boxes, axis=0)[:2]
        right, top = np.max(boxes, axis=0)[2:]
        bitmap = page.render(scale=2)
        corners = [bitmap.get_posconv(page).to_bitmap(*at) for at in ((left, bottom), (right, top))]
        return (*np.min(corners, axis=0), *np.max(corners, axis=0))


@ROTATIONS
@pytest.mark.parametrize("box", [None, [30, 20, 280, 190], [-50, -50, 250, 150]])
@pytest.mark.parametrize("inherited", [False, True])
def test_the_text_is_in_place_and_the_page_looks_the_same(line_page, rotation, box, inherited):
    before = pdf_of(rotation=rotation, box=box, inherited=inherited)
    after = b"".join(pdf_pages([read_page(line_page, before)], lambda _: before))
    assert np.array_equal(drawn(after), drawn(before))
    assert np.abs(np.subtract(place_of(after, "words"), (40 + 84, 32, 40 + 144, 56))).max() <= 2
    with pikepdf.open(io.BytesIO(after)) as document:
        page = document.pages[0]
        assert document.check_pdf_syntax() == []
        assert int(page.obj.get("/Rotate", 0)) == rotation
        assert [float(x) for x in page.cropbox] == (box or [0, 0, 300, 200])
        assert document.docinfo["/Title"] == "A title"
        assert CONTENT in b"".join(part.read_bytes() for part in page.Contents)


def test_pages_that_were_not_read_stay(line_page, tmp_path):
    path = tmp_path / "three.pdf"
    path.write_bytes(pdf_of(3))
    page = replace(read_page(line_page, path.read_bytes(), 2), file=str(path))
    after = b"".join(pdf_pages([page]))
    with pdfium.PdfDocument(after) as document:
        texts = [one.get_textpage().get_text_range() for one in document]
    assert ["Hidden" in text for text in texts] == [False, True, False]
    assert all("Visible" in text for text in texts)


def test_two_layers(line_page):
    """The second has characters that the first has not, under the same codes."""
    before = pdf_of()
    page = read_page(line_page, before)
    once = b"".join(pdf_pages([page], lambda _: before))
    other = replace(page, regions=line_page("quick fox").regions)
    twice = b"".join(pdf_pages([other], lambda _: once))
    with pdfium.PdfDocument(twice) as document:
        text = document[0].get_textpage().get_text_range()
    assert {"Hidden", "words", "quick", "fox", "Visible"} <= set(text.split())


def test_a_number_that_the_file_does_not_have(line_page):
    before = pdf_of(2)
    page = replace(line_page("a"), number=3, file="a.pdf")
    with pytest.raises(ValueError, match=r"a\.pdf has 2 pages, and none is 3"):
        list(pdf_pages([page], lambda _: before))


def test_pages_of_two_files(line_page):
    page, files = line_page("a"), [pdf_of(), pdf_of(2)]
    for sources in (files, [files[0], np.zeros((9, 9, 3), np.uint8)]):
        left = iter(sources)
        with pytest.raises(ValueError, match="pages of a PDF and of another file; write each"):
            list(pdf_pages([page, page], lambda _, left=left: next(left)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pdf_of(password="secret"), "a PDF with a password; save it without"),
        (b"%PDF-1.7\nnothing", "not a whole PDF .*; save it again"),
    ],
)
def test_files_that_cannot_be_opened(content, problem, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    for source in (content, path):
        with pytest.raises(ImageError, match=problem):
            list(pdf_pages([Page(10, 10)], lambda _, source=source: source))


def test_a_page_with_a_broken_box(line_page):
    content = pdf_of(box=[0, 0, Name.A0, 200])
    with pytest.raises(ImageError, match=r"not a whole PDF .*; save it again"):
        list(pdf_pages([line_page("a")], lambda _: content))


def test_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "isotrope.ocr.formats.pages.pdf.book", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs .*; pip install 'isotrope\[pdf\]'"):
        list(pdf_pages([Page(10, 10)]))
