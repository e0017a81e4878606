"""Tab-separated values with Tesseract's columns: a row per page, region, line and word.

Source: https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html. Levels are 1 page, 2 block
(a region), 3 paragraph (one per region), 4 line, 5 word. Boxes are in whole pixels; only words have
a confidence, in [0, 100], and a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of, whole_box, words_of
from isotrope.ocr.geometry import Points

COLUMNS = (
    *("level", "page_num", "block_num", "par_num", "line_num", "word_num"),
    *("left", "top", "width", "height", "conf", "text"),
)
"""The names in the first row."""


def tsv_pages(pages: Iterable[Page], source: Callable[[Page], Source] = file_of) -> Iterator[bytes]:
    """Yield the names of the columns, then the rows of each page.

    Pages of several files are numbered on, as Tesseract does.
    """
    yield _row(COLUMNS)
    number = 0
    for page in pages:
        number = max(number + 1, page.number)
        yield b"".join(map(_row, _rows(page, number)))


def _rows(page: Page, number: int) -> Iterator[tuple[object, ...]]:
    whole_page = (0, 0, page.width, page.height)
    yield (1, number, 0, 0, 0, 0, *whole_page, -1, "")
    for block, region in enumerate(page.regions, start=1):
        around = _box(region.polygon, page)
        yield (2, number, block, 0, 0, 0, *around, -1, "")
        yield (3, number, block, 1, 0, 0, *around, -1, "")
        for row, line in enumerate(region.lines, start=1):
            yield (4, number, block, 1, row, 0, *_box(line.polygon, page), -1, "")
            for place, word in enumerate(words_of(line), start=1):
                at = _box(word.polygon, page)
                confidence = round(100 * word.confidence, 4)
                yield (
                    5,
                    number,
                    block,
                    1,
                    row,
                    place,
                    *at,
                    confidence,
                    " ".join(word.text.split()),
                )


def _box(polygon: Points, page: Page) -> tuple[int, int, int, int]:
    left, top, right, bottom = whole_box(polygon, page)
    return left, top, right - left, bottom - top


def _row(values: Iterable[object]) -> bytes:
    return ("\t".join(map(str, values)) + "\n").encode("utf-8", "replace")


TSV = PageFormat(tsv_pages, ".tsv")
"""The format `tsv`."""
