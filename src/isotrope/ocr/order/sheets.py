"""Pages of a spread, and what stands above and below the text of a page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import median

import numpy as np

from isotrope.ocr.order.boxes import Box, typical_height
from isotrope.ocr.order.rows import rows

_WIDER = 1.1
"""A spread is wider than high by at least this factor."""

_FOLD = 0.12
"""Its fold is at most this share of its width from the middle."""

_OVER = 0.03
"""At most this share of the boxes reaches over the fold."""

_APART = 1.6
"""A header or footer is apart from the text by more than so many usual steps."""

_EDGE = 0.15
"""It stands within this share of the page's height from its edge."""


def spread(boxes: Sequence[Box], width: float, height: float) -> list[list[Box]]:
    """Split a spread, an image of two facing pages, at its fold; else the one page.

    A fold is white space near the middle of an image wider than high, from top to bottom. Few boxes
    may reach over it, such as lines of a page that is not flat.
    """
    if width <= _WIDER * height:
        return [list(boxes)]
    slack = typical_height(boxes)
    best = None
    for x in np.linspace(0.5 - _FOLD, 0.5 + _FOLD, 65) * width:
        over = sum(b.left + slack < x < b.right - slack for b in boxes)
        apart = min(abs(edge - x) for b in boxes for edge in (b.left, b.right))
        key = (over, -min(apart, 2 * slack), abs(x - width / 2))
        if best is None or key < best[0]:
            best = (key, float(x))
    if best is None or best[0][0] > _OVER * len(boxes):
        return [list(boxes)]
    left = [b for b in boxes if b.left + b.right < 2 * best[1]]
    right = [b for b in boxes if b.left + b.right >= 2 * best[1]]
    return [page for page in (left, right) if page]


def edges(boxes: Sequence[Box], size: float) -> tuple[list[Box], list[Box], list[Box]]:
    """Part headers and footers from the text between them, each in reading order.

    Args:
        boxes: Of one page.
        size: Height of the page, px.
    """
    lines = rows([b for b in boxes if not b.block])
    if len(lines) < 6:
        return [], list(boxes), []
    middles = [median(b.middle for b in row) for row in lines]
    steps = [b - a for a, b in itertools.pairwise(middles)]
    usual = median(steps)
    typical = typical_height(boxes)
    wide = max(b.right for b in boxes) - min(b.left for b in boxes)

    def slight(row: Sequence[Box]) -> bool:
        full = sum(b.width for b in row) > 0.6 * wide
        return not full and max(b.height for b in row) < 1.5 * typical

    head = foot = 0
    if steps[0] > _APART * usual and middles[0] < _EDGE * size and slight(lines[0]):
        head = 1
    for count in (1, 2):
        row = lines[-count]
        if middles[-count] < (1 - _EDGE) * size or not slight(row):
            break
        if steps[-count] > _APART * usual:
            foot = count
    top = [b for row in lines[:head] for b in row]
    bottom = [b for row in lines[len(lines) - foot :] for b in row]
    return top, [b for b in boxes if b not in top and b not in bottom], bottom
