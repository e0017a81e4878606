"""Lines of two columns that were found as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isotrope.ocr.order.boxes import Box, typical_height

_SHARE = 0.25
"""They are at most this share of the lines of both columns."""

_FEW = 3
"""More of them, one under the other, must fit into both columns; fewer, into one."""

_MOST = 12
"""There are at most so many, one under the other."""

_LARGE = 1.3
"""Their letters are larger than others by at most this factor."""

_TIGHT = 1.25
"""They have at most so much more space than other lines."""

_LEAST = 4
"""A column has at least so many other lines."""


def woven(boxes: Sequence[Box], on_left: np.ndarray, on_right: np.ndarray) -> np.ndarray:
    """Find the boxes across a gutter that are lines of both columns, `(n,)`.

    Each takes the place of one line in a column, with no more space than others, and its letters
    are no larger: a heading across columns has more of either.

    Args:
        boxes: From top to bottom.
        on_left, on_right: Which are to the left and to the right of the gutter, `(n,)`.
    """
    middles = np.array([b.middle for b in boxes])
    found = np.zeros(len(boxes), bool)
    across = np.flatnonzero(~on_left & ~on_right)
    sides = [np.flatnonzero(side) for side in (on_left, on_right)]
    if not across.size or min(map(len, sides)) < _LEAST:
        return found
    usual = [float(np.median(np.diff(middles[side]))) for side in sides]
    large = _LARGE * typical_height(boxes)
    for run in np.split(across, np.flatnonzero(np.diff(across) > 1) + 1):
        if len(run) > _MOST or max(boxes[i].height for i in run) > large:
            continue
        fits = [_fits(middles, *column, run) for column in zip(sides, usual, strict=True)]
        found[run] = any(fits) if len(run) <= _FEW else all(fits)
    few = found.sum() <= _SHARE * sum(map(len, sides))
    return found if few else np.zeros(len(boxes), bool)


def _fits(middles: np.ndarray, side: np.ndarray, step: float, run: np.ndarray) -> bool:
    """Whether a run of boxes takes the place of as many lines of a column."""
    place = int(np.searchsorted(side, run[0]))
    if not 0 < place < len(side):
        return False
    space = float(middles[side[place]] - middles[side[place - 1]])
    return space < _TIGHT * step * (len(run) + 1)
