"""pdfium, a reader of PDF that many programs have, finds the words where they stand."""

import io
import math
from dataclasses import replace

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.formats.pages.pdf import pdf_pages
from isotrope.ocr.formats.pages.pdf.font import InvisibleFont
from isotrope.ocr.geometry import rounded

TURNS = pytest.mark.parametrize("turn", [0, 90, 180, 270])


def written(page):
    """A page over white paper as a PDF."""
    paper = np.full((page.height, page.width, 3), 255, np.uint8)
    return b"".join(pdf_pages([page], lambda _: paper))


def found(content, page, number=0):
    """Each word as pdfium finds it, with its box in pixels of the page as it is shown."""
    with pdfium.PdfDocument(content) as document:
        shown = document[number]
        text = shown.get_textpage()
        size = shown.get_size()
        characters = text.get_text_range()
        words, boxes = [], []
        for index, character in enumerate(characters):
            if character.isspace():
                boxes.append(None)
                continue
            corners = text.get_charbox(index)
            at = [on_page(shown, corners[i], corners[j], size, page) for i, j in ((0, 1), (2, 3))]
            (x0, y0), (x1, y1) = at
            boxes.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
        place = 0
        for word in characters.split():
            place = characters.index(word, place)
            left, top, right, bottom = zip(*boxes[place : place + len(word)], strict=True)
            words.append((word, (min(left), min(top), max(right), max(bottom))))
            place += len(word)
        return words


def on_page(shown, x, y, size, page):
    """A point of a PDF page in pixels of the page as it is shown."""
    width, height = page.width, page.height
    left, bottom, right, top = shown.get_cropbox()
    across, up = (x - left) / (right - left), (y - bottom) / (top - bottom)
    match shown.get_rotation():
        case 90:
            across, up = up, 1 - across
        case 180:
            across, up = 1 - across, 1 - up
        case 270:
            across, up = 1 - up, across
    return across * width, (1 - up) * height


def box_of(word):
    xs, ys = zip(*word.polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def text_of(content, number=0):
    with pdfium.PdfDocument(content) as document:
        return document[number].get_textpage().get_text_range()


@TURNS
def test_words_are_found_in_order_and_in_place(page, turn):
    page = replace(page, regions=page.regions[:6]).turned(turn)
    given = [word for line in page.lines for word in line.words]
    read = found(written(page), page)
    assert [word for word, _ in read] == [word.text for word in given]
    for (_, box), word in zip(read, given, strict=True):
        assert np.abs(np.subtract(box, box_of(word))).max() < 1.5  # px, of 24


@TURNS
@pytest.mark.parametrize("slant", [-30, -3, 3, 10, 30, 44])
def test_slanted_lines(slanted_page, turn, slant):
    page = slanted_page(slant).turned(turn)
    given = [word for line in page.lines for word in line.words]
    read = dict(found(written(page), page))
    assert sorted(read) == sorted(word.text for word in given)
    for word in given:
        # pdfium's boxes are of characters, so that theirs is less high than the word's
        middle = np.mean(np.reshape(read[word.text], (2, 2)), axis=0)
        assert math.dist(middle, np.mean(word.polygon, axis=0)) < 1.5


@TURNS
def test_the_text_of_a_page_is_the_same_at_all_turns(page, turn):
    text = text_of(written(page.turned(turn)))
    assert text.split() == page.text.split()


def test_lines_with_the_same_start_stay_in_order():
    lines = tuple(
        Line(text, 1.0, 270, square, ((x + 6.0, 20.0), (x + 6.0, 20.0 + 12 * len(text))))
        for text, x in (("first", 300.0), ("second", 260.0), ("third", 220.0))
        for end in [20.0 + 12 * len(text)]
        for square in [((x + 24, 20.0), (x + 24, end), (x, end), (x, 20.0))]
    )
    page = Page(400, 300, (Region(lines, lines[0].polygon, 270),))
    assert text_of(written(page)).split() == ["first", "second", "third"]


def test_text_is_invisible(page):
    with pdfium.PdfDocument(written(page)) as document:
        assert document[0].render(scale=300 / 72).to_numpy().min() == 255


def test_qpdf_finds_no_fault(page):
    with pikepdf.open(io.BytesIO(written(page))) as document:
        assert document.check_pdf_syntax() == []


def arc(text, radius=400.0, height=24.0, middle=(300.0, 450.0)):
    """A line whose words stand on a circle."""

    def at(share, above):
        angle = math.radians(120 - 60 * share)
        r = radius + above
        return middle[0] + r * math.cos(angle), middle[1] - r * math.sin(angle)

    words, place = [], 0
    for word in text.split():
        shares = place / len(text), (place + len(word)) / len(text)
        corners = [at(shares[0], 18), at(shares[1], 18), at(shares[1], -6), at(shares[0], -6)]
        words.append(Word(word, 1.0, rounded(corners)))
        place += len(word) + 1
    outline = [at(i / 8, 18) for i in range(9)] + [at(i / 8, -6) for i in reversed(range(9))]
    baseline = [at(i / 8, 0) for i in range(9)]
    return Line(text, 1.0, 0, rounded(outline), rounded(baseline), tuple(words))


@TURNS
def test_words_of_a_curved_line(turn):
    line = arc("round the old seal of an abbey")
    page = Page(600, 400, (Region((line,), line.polygon),)).turned(turn)
    read = dict(found(written(page), page))
    for word in page.lines[0].words:
        middle = np.mean(np.reshape(read[word.text], (2, 2)), axis=0)
        assert math.dist(middle, np.mean(word.polygon, axis=0)) < 4


@pytest.mark.parametrize("text", ["iii WWWWWW i", "a b c", "Wide", "1"])
def test_words_of_any_width(text):
    words, x = [], 10.0
    for word in text.split():
        width = {"i": 4.0, "W": 22.0}.get(word[0], 11.0) * len(word)
        corners = ((x, 10.0), (x + width, 10.0), (x + width, 34.0), (x, 34.0))
        words.append(Word(word, 1.0, corners))
        x += width + 7
    outline = ((10.0, 10.0), (x - 7, 10.0), (x - 7, 34.0), (10.0, 34.0))
    line = Line(text, 1.0, 0, outline, ((10.0, 28.0), (x - 7, 28.0)), tuple(words))
    page = Page(400, 60, (Region((line,), outline),))
    read = found(written(page), page)
    assert [word for word, _ in read] == text.split()
    for (_, box), word in zip(read, words, strict=True):
        assert np.abs(np.subtract(box, box_of(word))).max() < 1.7


UNICODE = ["ſtraße", "日本語", "שלום", "سلام", "𝔄𝔟𝔠", "e\u0301", "١٢٣", "10%", "(a)", "😀", "नमस्ते"]


@pytest.mark.parametrize("text", UNICODE)
@TURNS
def test_any_script_is_found(line_page, text, turn):
    page = line_page(text).turned(turn)
    assert "".join(text_of(written(page)).split()) == text


@settings(max_examples=30)
@given(st.text(max_size=20))
def test_any_text_can_be_written(text):
    square = ((10.0, 10.0), (90.0, 10.0), (90.0, 34.0), (10.0, 34.0))
    line = Line(text, 1.0, 0, square, ((10.0, 28.0), (90.0, 28.0)))
    content = written(Page(100, 50, (Region((line,), square),)))
    with pikepdf.open(io.BytesIO(content)) as document:
        assert document.check_pdf_syntax() == []


@pytest.mark.parametrize(
    ("polygon", "baseline"),
    [
        (((5.0, 5.0),) * 4, ((5.0, 5.0),) * 2),
        (((5.0, 5.0), (5.0, 9.0)), ()),
        (((5.0, 5.0), (9.0, 5.0), (9.0, 5.0), (5.0, 5.0)), ((5.0, 5.0), (9.0, 5.0))),
    ],
)
def test_words_without_extent_are_left_out(polygon, baseline):
    page = Page(20, 20, (Region((Line("a", 1.0, 270, polygon, baseline),), polygon),))
    assert text_of(written(page)) == ""


@pytest.mark.parametrize("baseline", [(), ((10.0, 28.0),), ((50.0, 28.0), (60.0, 28.0))])
def test_a_word_whose_baseline_is_not_known_everywhere(baseline):
    square = ((10.0, 10.0), (34.0, 10.0), (34.0, 34.0), (10.0, 34.0))
    page = Page(100, 50, (Region((Line("ab", 1.0, 0, square, baseline),), square),))
    [(word, box)] = found(written(page), page)
    assert word == "ab"
    assert np.abs(np.subtract(box, box_of(page.lines[0]))).max() < 1.5


def test_more_characters_than_a_font_has():
    font = InvisibleFont()
    codes = {font.code(chr(0x10000 + i), 0.5)[0] for i in range(0xFFFF)}
    assert max(codes) == 0xFFFF
    assert font.code("\ud800", 0.5) == font.code("\ufffd", 0.5)


@pytest.mark.parametrize("width", [0.05, 0.3, 0.5, 0.77, 1.3])
def test_glyphs_are_about_as_wide_as_their_characters(width):
    _, glyph = InvisibleFont().code("a", width)
    assert glyph == pytest.approx(width, rel=0.075)
