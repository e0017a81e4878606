"""Gutters: white space from top to bottom, between what stands side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from isotrope.ocr.order.boxes import Box, typical_height
from isotrope.ocr.order.woven import woven

_LEAST = 4
"""A gutter parts at least so many boxes in one band, each of which has others beside it."""

_MORE = 0.12
"""A box runs across a gutter if more of its width than this is on either side, ..."""

_FAR = 2.5
"""... or more heights than this, ..."""

_SHARE = 0.35
"""... or if it covers more than this share of the other side's boxes."""

_TRIED = 12
"""How many gutters are compared in full."""


@dataclass(frozen=True)
class Band:
    """A part of the page from one height to another: both sides of a gutter, or what runs across.

    Args:
        left, right: The boxes on both sides; `right` is empty for what runs across.
    """

    left: tuple[Box, ...]
    right: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Gutter:
    """A gutter.

    Args:
        bands: From top to bottom.
        score: How much stands side by side.
        woven: Lines of both columns that were found as one; they are in `left` of their band.
    """

    bands: tuple[Band, ...]
    score: float
    woven: tuple[Box, ...] = ()

    @property
    def columns(self) -> tuple[Band, ...]:
        """The bands with something on both sides."""
        return tuple(band for band in self.bands if band.right)


def best_gutter(boxes: Sequence[Box]) -> Gutter | None:
    """The gutter that parts most boxes; None if there is none."""
    if len(boxes) < _LEAST:
        return None
    boxes = sorted(boxes, key=lambda b: (b.middle, b.left))
    height = typical_height(boxes)
    slack = 0.3 * height
    left = np.array([b.left for b in boxes]) + slack
    right = np.maximum(np.array([b.right for b in boxes]) - slack, left)
    beside = _beside(boxes)
    np.fill_diagonal(beside, False)
    reach = np.clip(_MORE * (right - left), slack, _FAR * height)
    best: Gutter | None = None
    for x in _candidates(left, right, beside):
        on_left, on_right = _sides(x, left, right, reach)
        both = woven(boxes, on_left, on_right)
        gutter = _gutter(boxes, on_left | both, on_right, beside)
        if gutter is not None and (best is None or gutter.score > best.score):
            best = replace(gutter, woven=tuple(boxes[i] for i in np.flatnonzero(both)))
    return best


def _beside(boxes: Sequence[Box]) -> np.ndarray:
    """Which boxes stand side by side, `(n, n)`."""
    half = np.array([0.3 * b.height for b in boxes])
    middle = np.array([b.middle for b in boxes])
    top, bottom = middle - half, middle + half
    return (top[:, None] < bottom[None, :]) & (top[None, :] < bottom[:, None])


def _candidates(left: np.ndarray, right: np.ndarray, beside: np.ndarray) -> list[float]:
    """Where most boxes have others beside them on the far side of `x`, best first."""
    far_right = np.where(beside, left[None, :], -np.inf).max(1)  # left edge of the farthest
    far_left = np.where(beside, right[None, :], np.inf).min(1)
    starts = np.concatenate([right[far_right > right], far_left[far_left < left]])
    ends = np.concatenate([far_right[far_right > right], left[far_left < left]])
    if not starts.size:
        return []
    edges = np.unique(np.concatenate([starts, ends]))
    parted = np.searchsorted(np.sort(starts), edges, "right") - np.searchsorted(
        np.sort(ends), edges, "right"
    )
    across = np.searchsorted(np.sort(left), edges, "right") - np.searchsorted(
        np.sort(right), edges, "right"
    )
    wide = np.append(np.diff(edges), 0.0)
    order = np.lexsort((edges, -wide, across - parted))
    return [float(edges[k]) for k in order[: 4 * _TRIED] if parted[k] >= _LEAST][:_TRIED]


def _sides(
    x: float, left: np.ndarray, right: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which boxes are to the left and to the right of `x`, but for a little."""
    wide = right - left
    on_left, on_right = right <= x, left > x
    if not (on_left.any() and on_right.any()):
        return on_left, on_right
    narrow_left, narrow_right = (_SHARE * np.median(wide[side]) for side in (on_left, on_right))
    on_left = right - np.where(left < x, np.minimum(reach, narrow_right), 0) <= x
    on_right = ~on_left & (left + np.where(right > x, np.minimum(reach, narrow_left), 0) > x)
    return on_left, on_right


def _gutter(
    boxes: Sequence[Box], on_left: np.ndarray, on_right: np.ndarray, beside: np.ndarray
) -> Gutter | None:
    """Cut boxes, sorted from top to bottom, into bands at the boxes that run across."""
    bands: list[Band] = []
    loose: list[int] = []  # across, or in a band with too little side by side
    score = 0.0
    across = np.flatnonzero(~on_left & ~on_right).tolist()
    start = 0
    for stop in [*across, len(boxes)]:
        inside = np.arange(start, stop)
        lefts, rights = inside[on_left[inside]], inside[on_right[inside]]
        pairs = beside[np.ix_(lefts, rights)]
        parted = int(pairs.any(1).sum() + pairs.any(0).sum())
        if parted >= _LEAST:
            if loose and lefts[0] == start and _continues(boxes[loose[-1]], boxes[start]):
                loose.append(start)  # the short last line of a paragraph that runs across
                lefts = lefts[lefts != start]
            if loose:
                bands.append(Band(tuple(boxes[i] for i in loose)))
                loose = []
            bands.append(Band(*(tuple(boxes[i] for i in side) for side in (lefts, rights))))
            score += parted - _LEAST + 1
        else:
            loose += inside.tolist()
        if stop < len(boxes):
            loose.append(stop)
        start = stop + 1
    if not score:
        return None
    if loose:
        bands.append(Band(tuple(boxes[i] for i in loose)))
    return Gutter(tuple(bands), score - len(across))


def _continues(upper: Box, lower: Box) -> bool:
    """Whether a line is the next of the same paragraph."""
    height = max(upper.height, lower.height)
    down = lower.middle - upper.middle
    return abs(lower.left - upper.left) < height / 2 and height / 2 < down < 1.8 * height
