"""Rows: what stands side by side and is read from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.ocr.order.boxes import Box

_SAME = 0.4
"""Middles closer than this, in heights, stand on one row."""


def reading(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Row by row from top to bottom, each from left to right."""
    return tuple(box for row in rows(boxes) for box in row)


def rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Put boxes into rows from top to bottom, each from left to right."""
    found: list[list[Box]] = []
    for box in _downwards(boxes):
        if found and _joins(box, found[-1]):
            found[-1].append(box)
        else:
            found.append([box])
    return [sorted(row, key=lambda b: (b.left, b.top)) for row in found]


def aligned(a: Box, b: Box) -> bool:
    """Whether two boxes stand on one row, judged where they come closest."""
    if a.block or b.block:
        return False
    x = (min(a.right, b.right) + max(a.left, b.left)) / 2
    return abs(a.at(x) - b.at(x)) <= _SAME * min(a.height, b.height)


def overlap(a: Box, b: Box) -> float:
    """How far two boxes stand above each other, px; negative: the gap between them."""
    return min(a.right, b.right) - max(a.left, b.left)


def _joins(box: Box, row: list[Box]) -> bool:
    if any(overlap(box, other) > 0.25 * min(box.width, other.width) for other in row):
        return False
    return aligned(box, max(row, key=lambda other: overlap(box, other)))


def _downwards(boxes: Sequence[Box]) -> list[Box]:
    """Sort from top to bottom, by the course of lines where two stand above each other."""
    found = sorted(boxes, key=lambda b: (b.middle, b.left))
    for start in range(1, len(found)):  # by insertion: almost all are in place
        place = start
        while place and _under(found[place - 1], found[place]):
            found[place - 1], found[place] = found[place], found[place - 1]
            place -= 1
    return found


def _under(a: Box, b: Box) -> bool:
    """Whether `a` is under `b` where they stand above each other."""
    if overlap(a, b) <= 0:
        return False
    x = (min(a.right, b.right) + max(a.left, b.left)) / 2
    return a.at(x) > b.at(x)
