"""Initials: a large letter at the head of a paragraph belongs to the first line beside it."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.ocr.order.boxes import Box, typical_height

_TALL = 1.5
"""An initial is taller than the other letters by at least this factor, and beside two lines."""


def initials(boxes: Sequence[Box]) -> dict[Box, Box]:
    """Find initials: `{initial: first line beside it}`."""
    height = typical_height(boxes)
    found = {}
    for box in boxes:
        if box.block or box.height < _TALL * height or box.width > 2 * box.height:
            continue
        beside = [
            b
            for b in boxes
            if not b.block
            and b.height < box.height / 1.5
            and box.top < b.middle < box.bottom
            and (box.left + box.right) / 2 < b.left < box.right + 2 * height
        ]
        if len(beside) > 1:
            found[box] = min(beside, key=lambda b: b.middle)
    return found
