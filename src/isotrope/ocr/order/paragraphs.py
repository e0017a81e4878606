"""Paragraphs: rows of one column, parted where the spacing or the size of the letters changes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import median

from isotrope.ocr.order.boxes import Box
from isotrope.ocr.order.rows import overlap, rows

_WIDER = 1.4
"""A step from row to row larger than the usual one by this factor parts paragraphs."""

_LARGER = 1.4
"""So do letters larger or smaller by this factor."""

_AROUND = 4
"""The usual step is the median over so many rows above and below."""


def paragraphs(boxes: Sequence[Box]) -> list[tuple[Box, ...]]:
    """Split a column into paragraphs, in reading order."""
    lines = rows(boxes)
    steps = [_step(upper, lower) for upper, lower in itertools.pairwise(lines)]
    indented = _indented(lines)
    found: list[list[Box]] = []
    for k, row in enumerate(lines):
        if k and not (
            row[0].block
            or lines[k - 1][0].block
            or steps[k - 1] > _WIDER * _usual(steps, k - 1)
            or _other_size(lines[k - 1], row)
            or k in indented
        ):
            found[-1] += row
        else:
            found.append(list(row))
    return [tuple(paragraph) for paragraph in found]


def _usual(steps: Sequence[float], k: int) -> float:
    return median(steps[max(0, k - _AROUND) : k + _AROUND + 1])


def _step(upper: Sequence[Box], lower: Sequence[Box]) -> float:
    """The distance between two rows, where they come closest."""
    a, b = max(((a, b) for a in upper for b in lower), key=lambda pair: overlap(*pair))
    x = (min(a.right, b.right) + max(a.left, b.left)) / 2
    return b.at(x) - a.at(x)


def _other_size(upper: Sequence[Box], lower: Sequence[Box]) -> bool:
    a, b = (median(box.height for box in row) for row in (upper, lower))
    return max(a, b) > _LARGER * min(a, b)


def _indented(lines: Sequence[Sequence[Box]]) -> set[int]:
    """Rows that begin to the right of most others, and the row after does not."""
    if len(lines) < 5:
        return set()
    height = median(row[0].height for row in lines)
    lefts = [row[0].left for row in lines]
    flush = [abs(left - median(lefts)) < 0.5 * height for left in lefts]
    if sum(flush) < 0.6 * len(lines):
        return set()
    return {
        k
        for k in range(1, len(lines) - 1)
        if 0.7 * height < lefts[k] - lefts[k + 1] < 5 * height
        and flush[k + 1]
        and (flush[k - 1] or lefts[k - 1] < lefts[k])
    }
