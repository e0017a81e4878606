"""Whole pages, whichever way up."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from isotrope.io.errors import ImageError
from isotrope.io.resize import rotate, turn
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.document import Page
from isotrope.ocr.engines import Transcript
from isotrope.ocr.pages import reader as reader_module
from isotrope.ocr.pages.reader import PageReader
from isotrope.ocr.pages.reading import read_strips
from isotrope.ocr.reader import Reader

TEXT = ["Every page is read the same", "whichever way up it lies on", "the glass of the scanner."]

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@pytest.fixture(scope="module")
def reader():
    return Reader.from_pretrained(threads=1)


def drawn(lines=TEXT, size=(643, 401), step=60, height=32):
    """A page of printed lines, of odd size."""
    page = Image.new("RGB", size, "white")
    font = ImageFont.load_default(height)
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((40, 50 + step * number), line, "black", font)
    return np.asarray(page)


def test_a_page_at_four_turns_is_the_same_document(reader):
    page = drawn()
    upright, *others = reader.read_pages([turn(page, degrees) for degrees in (0, 90, 180, 270)])
    assert upright.text.split() == " ".join(TEXT).split()
    assert upright.orientation == 0
    assert [page.orientation for page in others] == [90, 180, 270]
    for degrees, other in zip((90, 180, 270), others, strict=True):
        assert other == upright.turned(degrees)


def test_the_lines_of_a_large_page_are_not_held_at_once(reader, monkeypatch):
    page = drawn()
    (whole,) = reader.read_pages(page)
    held = []

    def read_some(engine, strips, batch_size):
        held.append(len(strips))
        return read_strips(engine, strips, batch_size)

    monkeypatch.setattr(reader_module, "HELD", 2)
    monkeypatch.setattr(reader_module, "read_strips", read_some)
    assert list(reader.read_pages(page)) == [whole]
    assert held == [2, 1]


def test_words_lie_where_they_stand(reader):
    (page,) = reader.read_pages(drawn())
    (line,) = (line for line in page.lines if line.text.startswith("whichever"))
    font = ImageFont.load_default(32)
    for word, start in zip(line.words, ("", "whichever ", "whichever way "), strict=False):
        xs = [x for x, _ in word.polygon]
        left = 40 + font.getlength(start)
        assert min(xs) == pytest.approx(left, abs=8)
        assert max(xs) == pytest.approx(left + font.getlength(word.text), abs=8)


def test_blocks_at_other_turns_are_read(reader):
    page = np.full((900, 900, 3), 255, np.uint8)
    page[:401, :643] = drawn()
    side = turn(drawn(["Notes beside the text", "run up along the margin"], (463, 160)), 90)
    page[420:883, 700:860] = side
    page[450:850, 30:673] = turn(
        drawn(["Upside down lines stand", "on their heads here"])[:400], 180
    )
    (found,) = reader.read_pages(page)
    turns = {line.text: line.orientation for line in found.lines}
    assert turns["Notes beside the text"] == 90
    assert turns["Upside down lines stand"] == 180
    assert turns[TEXT[1]] == 0
    assert found.orientation == 0


def test_columns_that_are_close_are_read_one_after_the_other(reader):
    class Across:
        """Finds each row of a page as one line."""

        name = "across"

        def find(self, page):
            return [
                DetectedLine(
                    ((40.0, y + 28.0), (843.0, y + 28.0)),
                    ((40.0, y), (843.0, y), (843.0, y + 38.0), (40.0, y + 38.0)),
                    38.0,
                )
                for y in range(48, 48 + 10 * 40, 40)
            ]

    left = [f"the left column {word}" for word in NUMBERS]
    right = [f"and the right one {word}" for word in NUMBERS]
    page = np.full((500, 900, 3), 255, np.uint8)
    page[:, :440] = drawn(left, (440, 500), 40)
    page[:, 440:] = drawn(right, (460, 500), 40)
    across = Reader.from_pretrained(detector=Across(), threads=1)
    (found,) = across.read_pages(page)
    assert [line.text for line in found.lines] == [*left, *right]


@pytest.mark.parametrize("slant", [3, -10, 30])
def test_a_skewed_page_reads_as_a_straight_one(reader, slant):
    (found,) = reader.read_pages(rotate(drawn(), slant))
    assert found.text.split() == " ".join(TEXT).split()
    assert found.slant == pytest.approx(slant, abs=0.7)


@pytest.mark.parametrize("size", [(300, 300), (301, 200), (2, 2), (40, 3000)])
def test_a_page_without_text_is_empty_at_every_turn(reader, size):
    blank = np.full((*size, 3), 250, np.uint8)
    for degrees in (0, 90):
        (page,) = reader.read_pages(turn(blank, degrees))
        assert (page.regions, page.orientation, page.text) == ((), 0, "")


def test_a_symmetric_page_is_read_the_same(reader):
    page = drawn(size=(640, 400))
    both = np.concatenate([page, turn(page, 180)])
    first, second = reader.read_pages([both, turn(both, 180)])
    assert first == second


def test_an_unreadable_page_raises_or_stands_in_its_place(reader, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"broken\.png"):
        list(reader.read_pages([broken]))
    error, page, small = reader.read_pages(
        [broken, drawn(), np.zeros((1, 1, 3), np.uint8)], on_error="return"
    )
    assert [type(each) for each in (error, page, small)] == [ImageError, Page, ImageError]
    assert "1x1 px: too small" in str(small)


def test_the_pages_of_a_file_have_its_name_and_numbers(reader, tmp_path):
    file = tmp_path / "pages.tif"
    first, second = (Image.fromarray(drawn([text])) for text in ("First page", "Second page"))
    first.save(file, save_all=True, append_images=[second], dpi=(150, 150))
    pages = list(reader.read_pages(file))
    assert [(page.text, page.number) for page in pages] == [("First page", 1), ("Second page", 2)]
    assert (pages[0].file, pages[0].resolution) == (str(file), 150)


def test_options_are_checked_at_once(reader):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        reader.read_pages([], batch_size=0)
    with pytest.raises(ValueError, match="on_error='skip' must be"):
        reader.read_pages([], on_error="skip")


@pytest.mark.parametrize(
    ("text", "confidence", "least", "kept"),
    [
        ("a word", 0.1, 0.0, True),
        ("a word", 0.1, 0.2, False),
        ("7", 0.5, 0.0, True),
        ("**", 0.84, 0.0, False),
        ("* * *", 0.95, 0.0, True),
        (" ", 1.0, 0.0, False),
    ],
)
def test_marks_alone_are_kept_if_they_are_sure(text, confidence, least, kept):
    reader = PageReader(None, None, None, least)
    assert reader._is_kept(Transcript(text, confidence)) is kept
