"""Columns: a part of a page is cut along its gutters, with headings that run across them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    shape = _shape(gutter)
    for band in gutter.bands:
        everything = (*band.left, *band.right)
        if not band.right:  # runs across the gutter
            found += zones(everything) if len(everything) < len(boxes) else _plain(everything)
        elif shape == "table":
            found.append(Zone(reading(everything), "table"))
        elif shape == "columns":
            found += [*zones(band.left), *zones(band.right)]
        elif shape == "left margin":
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


def _shape(gutter: Gutter) -> str:
    """What the two sides of a gutter are: "columns", "table", "left margin" or "right margin"."""
    whole = [b for band in gutter.bands for b in (*band.left, *band.right)]
    left = [b for band in gutter.columns for b in band.left]
    right = [b for band in gutter.columns for b in band.right]
    narrow = _extent(left) / _extent(right)
    if _running(left) and _running(right) and _MARGIN < narrow < 1 / _MARGIN:
        return "columns"
    small, large = sorted((left, right), key=_extent)
    level = sum(any(aligned(a, b) for b in large) for a in small) / len(small)
    if level >= 0.7 and len(small) >= 0.3 * len(rows(whole)):
        return "table"
    if narrow < _MARGIN:
        return "left margin"
    if narrow > 1 / _MARGIN:
        return "right margin"
    return "columns"


def _extent(side: Iterable[Box]) -> float:
    """The width of a side of a gutter."""
    side = list(side)
    return max(max(b.right for b in side) - min(b.left for b in side), 1.0)


def _running(side: Sequence[Box]) -> bool:
    """Whether a side of a gutter is running text: most of it in lines as wide as a column."""
    widths = np.sort([b.width for b in side])
    shares = np.cumsum(widths) / widths.sum()
    half = widths[np.searchsorted(shares, 0.5)]  # half of the text is in lines so wide or wider
    full = widths[widths >= 0.5 * half].sum() / widths.sum()
    return bool(half >= _FULL_COLUMN * typical_height(side) and full >= 0.6)
