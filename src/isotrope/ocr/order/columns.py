"""Columns: a part of a page is cut along its gutters, with headings that run across them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isotrope.ocr.order.boxes import Box, typical_height
from isotrope.ocr.order.gutters import Gutter, best_gutter
from isotrope.ocr.order.paragraphs import paragraphs
from isotrope.ocr.order.rows import aligned, reading, rows

_FULL_COLUMN = 7
"""Lines of running text are at least so many heights wide."""

_MARGIN = 0.4
"""A margin is at most so wide, as a share of the text beside it."""

_CLOSE = 4
"""Notes in the margin are close under each other within so many heights."""

_ROWS = 0.7
"""Two sides stand on the same rows if at least this share of the narrower one does."""

_FILLED = 0.3
"""A column of a table has something in at least this share of its rows."""

_LABEL = 2.0
"""A label is at most so many heights from its text."""


@dataclass(frozen=True)
class Zone:
    """Boxes that are read one after the other.

    Args:
        boxes: In reading order.
        kind: "text", "margin" or "table".
    """

    boxes: tuple[Box, ...]
    kind: str = "text"

    @property
    def top(self) -> float:
        """The middle of its first line."""
        return self.boxes[0].middle

    @property
    def bottom(self) -> float:
        """The middle of its last line."""
        return self.boxes[-1].middle


def zones(boxes: Sequence[Box]) -> list[Zone]:
    """Cut boxes into zones, in reading order."""
    gutter = best_gutter(boxes)
    if gutter is None:
        return _plain(boxes)
    found: list[Zone] = []
    kind = shape(gutter)
    for band in gutter.bands:
        everything = (*band.left, *band.right)
        if not band.right:  # runs across the gutter
            found += zones(everything) if len(everything) < len(boxes) else _plain(everything)
        elif kind == "table":
            found.append(Zone(reading(everything), "table"))
        elif kind == "list":
            found += _plain(everything)
        elif kind == "columns":
            found += [*zones(band.left), *zones(band.right)]
        elif kind == "left margin":
            found += _with_notes(zones(band.right), band.left)
        else:
            found += _with_notes(zones(band.left), band.right)
    return found


def _plain(boxes: Sequence[Box]) -> list[Zone]:
    return [Zone(paragraph) for paragraph in paragraphs(boxes)]


def _with_notes(text: list[Zone], notes: Sequence[Box]) -> list[Zone]:
    """Put notes of the margin after the paragraph beside which they begin.

    Notes close under each other stay together.
    """
    found = list(text)
    last: Zone | None = None
    for paragraph in paragraphs(notes):
        note = Zone(paragraph, "margin")
        if last is not None and note.top - last.bottom < _CLOSE * paragraph[0].height:
            place = found.index(last) + 1
        else:
            place = next((k for k, zone in enumerate(found) if zone.top > note.top), len(found))
        found.insert(place, note)
        last = note
    return found


def shape(gutter: Gutter) -> str:
    """What the two sides of a gutter are.

    "columns"; "table", read row by row; "list", rows with a label before or after running text;
    "left margin" or "right margin".
    """
    whole = [b for band in gutter.bands for b in (*band.left, *band.right)]
    left = [b for band in gutter.columns for b in band.left]
    right = [b for band in gutter.columns for b in band.right]
    (left_from, left_to), (right_from, right_to) = _extent(left), _extent(right)
    narrow = (left_to - left_from) / (right_to - right_from)
    text_left, text_right = _running(left), _running(right)
    margin = "left margin" if narrow < 1 else "right margin"
    small, large = (left, right) if narrow < 1 else (right, left)
    if _MARGIN < narrow < 1 / _MARGIN and text_left and text_right:
        return "columns"
    if sum(b.cut for b in small) > len(small) / 2:  # of the facing page
        return margin
    if _level(small, large) >= _ROWS:
        gap = right_from - left_to
        if (text_left or text_right) and gap < _LABEL * typical_height(whole):
            return "list"
        if len(small) >= _FILLED * len(rows(whole)):
            return "table"
    return "columns" if _MARGIN <= narrow <= 1 / _MARGIN else margin


def _level(small: Sequence[Box], large: Sequence[Box]) -> float:
    """The share of boxes that stand on a row of the other side."""
    return sum(any(aligned(a, b) for b in large) for a in small) / len(small)


def _extent(side: Sequence[Box]) -> tuple[float, float]:
    """From where to where most boxes of a side reach."""
    left = float(np.percentile([b.left for b in side], 20))
    return left, max(float(np.percentile([b.right for b in side], 80)), left + 1)


def _running(side: Sequence[Box]) -> bool:
    """Whether a side of a gutter is running text: most of it in lines as wide as a column."""
    widths = np.sort([b.width for b in side])
    shares = np.cumsum(widths) / widths.sum()
    half = widths[np.searchsorted(shares, 0.5)]  # half of the text is in lines so wide or wider
    full = widths[widths >= 0.5 * half].sum() / widths.sum()
    return bool(half >= _FULL_COLUMN * typical_height(side) and full >= 0.6)
