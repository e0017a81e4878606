"""What a format of pages is, and what the formats share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np

from isotrope.ocr.document import Line, Page, Word
from isotrope.ocr.geometry import Points, box

Source: TypeAlias = "Path | bytes | np.ndarray"
"""Where the picture of a page is: its file or the contents of it, or pixels (H, W, 3) uint8 RGB."""


def file_of(page: Page) -> Source:
    """The file that a page names.

    Raises:
        ValueError: It names none.
    """
    if page.file is None:
        raise ValueError(f"page {page.number} names no file; give its image as `source`")
    return Path(page.file)


class PageWriter(Protocol):
    """Writes pages in a format."""

    def __call__(
        self, pages: Iterable[Page], source: Callable[[Page], Source] = file_of
    ) -> Iterator[bytes]:
        """Yield a file in pieces, each as soon as its page is there; text is in UTF-8.

        Args:
            pages: As many as a file of the format holds.
            source: Finds the picture of a page, for formats that show it.

        Raises:
            ValueError: The pages do not go into one file, or a picture cannot be opened.
        """
        ...


@dataclass(frozen=True)
class PageFormat:
    """A format of pages.

    Args:
        write: Writes one file.
        suffix: Of its files, such as ".tsv".
        holds: What one of its files may hold: the pages of any "files", those of one "file", or
            one "page".
    """

    write: PageWriter
    suffix: str
    holds: Literal["files", "file", "page"] = "files"


def words_of(line: Line) -> tuple[Word, ...]:
    """The words of a line; the line as one word if its words are not known, none if it is empty."""
    if line.words or not line.text:
        return line.words
    return (Word(line.text, line.confidence, line.polygon, line.characters),)


def whole_box(points: Points, page: Page) -> tuple[int, int, int, int]:
    """The box in whole pixels around points, within the page: `(left, top, right, bottom)`."""
    if not points:
        return 0, 0, 0, 0
    left, top, right, bottom = box(points)
    return (
        min(max(math.floor(left), 0), page.width),
        min(max(math.floor(top), 0), page.height),
        min(max(math.ceil(right), 0), page.width),
        min(max(math.ceil(bottom), 0), page.height),
    )
