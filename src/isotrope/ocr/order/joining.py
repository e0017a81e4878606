"""What was found in pieces and is one line: initials, and headings with wide spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from isotrope.ocr.order.boxes import Box, typical_height
from isotrope.ocr.order.rows import aligned, overlap, rows

_TALL = 1.5
"""Initials and headings are taller than other letters by at least this factor."""

_SPACE = 2.0
"""A space in a heading is at most so many heights wide."""


def joined(boxes: Sequence[Box]) -> list[Box]:
    """Join an initial to the first of the lines beside it, and the pieces of large headings.

    A joined box has its pieces, in the order of reading, as `parts`.
    """
    if not boxes:
        return []
    height = typical_height(boxes)
    return _headings(_initials(boxes, height), height)


def pieces(boxes: Iterable[Box]) -> list[Box]:
    """Replace joined boxes by their parts."""
    return [part for box in boxes for part in (pieces(box.parts) if box.parts else (box,))]


def _initials(boxes: Sequence[Box], height: float) -> list[Box]:
    found = list(boxes)
    for box in boxes:
        if box.block or box.height < _TALL * height or box.width > 2 * box.height:
            continue
        beside = [
            b
            for b in found
            if not b.block
            and b.height < box.height / _TALL
            and box.top < b.middle < box.bottom
            and (box.left + box.right) / 2 < b.left < box.right + 2 * height
        ]
        if len(beside) > 1:
            first = min(beside, key=lambda b: b.middle)
            found.remove(box)
            found[found.index(first)] = replace(first, left=box.left, parts=(box, first))
    return found


def _headings(boxes: Sequence[Box], height: float) -> list[Box]:
    large = [b for b in boxes if not (b.block or b.parts) and b.height > _TALL * height]
    found = [b for b in boxes if b not in large]
    for row in rows(large):
        last = row[0]
        for box in row[1:]:
            small, tall = sorted((last.height, box.height))
            near = -overlap(last, box) < _SPACE * small and tall < _TALL * small
            if near and aligned(last, box):
                last = _join(last, box)
            else:
                found.append(last)
                last = box
        found.append(last)
    return found


def _join(a: Box, b: Box) -> Box:
    return replace(
        a,
        right=b.right,
        top=min(a.top, b.top),
        bottom=max(a.bottom, b.bottom),
        height=max(a.height, b.height),
        xs=(*a.xs, *b.xs),
        ys=(*a.ys, *b.ys),
        parts=(*(a.parts or (a,)), b),
    )
