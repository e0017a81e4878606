"""The band that a line of text covers: the middle of its letters, and their height.

Archives outline the same letters tightly or loosely, around each descender or straight. A band
keeps what all outlines agree on, so that a detector can learn it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isotrope.data.page_labels import PageLine

_STEPS = 24
"""Places along a line where its outline is measured."""


@dataclass(frozen=True)
class Band:
    """Everything closer to a curve than half a height.

    Args:
        axis: The middle of the letters, `(N, 2)`, from the start of the text to its end.
        height: From the bottom of the descenders to the top of the ascenders.
    """

    axis: np.ndarray
    height: float

    @property
    def length(self) -> float:
        """Length of the axis."""
        return _length(self.axis)

    def moved(self, matrix: np.ndarray) -> Band:
        """The band under an affine map `(2, 3)`; its height changes with the area."""
        linear, shift = matrix[:, :2], matrix[:, 2]
        scale = float(abs(np.linalg.det(linear)) ** 0.5)
        return Band(self.axis @ linear.T + shift, self.height * scale)

    def shortened(self, by: float) -> Band | None:
        """The band without a length `by` at both ends; None if nothing is left."""
        axis = _part(self.axis, by, _length(self.axis) - by)
        return None if axis is None else Band(axis, self.height)

    def ends(self, length: float) -> tuple[Band, Band]:
        """The first and the last `length` of the band, at most half of it each."""
        whole = _length(self.axis)
        length = min(length, whole / 2)
        first, last = _part(self.axis, 0, length), _part(self.axis, whole - length, whole)
        return (
            Band(self.axis[:2] if first is None else first, self.height),
            Band(self.axis[-2:] if last is None else last, self.height),
        )

    def polygon(self) -> np.ndarray:
        """The outline, `(2 N, 2)`: along the top from start to end, then back below."""
        up = _normals(self.axis) * self.height / 2
        return np.concatenate([self.axis + up, (self.axis - up)[::-1]])


def band_of(line: PageLine) -> Band | None:
    """The band of a line; None if its outline is no area, or does not meet the baseline."""
    corners, curve = line.polygon, line.baseline
    if (whole := _length(curve)) <= 0:
        return None
    places = (np.arange(_STEPS) + 0.5) / _STEPS * whole
    points = _at(curve, np.interp(places, _lengths(curve), np.arange(len(curve))))
    above, below = _across(points, _normals(points), corners)
    met = np.isfinite(above) & np.isfinite(below)
    above, below = above[met], below[met]
    if not len(above) or (height := float(np.median(above - below))) <= 0:
        return None
    axis = curve + _normals(curve) * np.median(above + below) / 2
    return Band(_reaching(axis, corners, height), height)


def _reaching(axis: np.ndarray, corners: np.ndarray, height: float) -> np.ndarray:
    """The axis, lengthened or cut to where the outline ends, by less than a height."""
    axis = axis.copy()
    for end, inner in ((0, 1), (-1, -2)):
        out = axis[end] - axis[inner]
        length = float(np.hypot(*out))
        if length == 0:
            continue
        out /= length
        more = float(((corners - axis[end]) @ out).max())
        axis[end] += out * np.clip(more, -0.9 * length, height)
    return axis


def _across(
    points: np.ndarray, up: np.ndarray, corners: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far the outline reaches from each point along its normal, and against it."""
    start, stop = corners, np.roll(corners, -1, axis=0)
    along = np.stack([-up[:, 1], up[:, 0]], 1)
    first = np.einsum("pei,pi->pe", start[None] - points[:, None], along)
    second = np.einsum("pei,pi->pe", stop[None] - points[:, None], along)
    crossed = (first <= 0) != (second <= 0)
    share = np.divide(first, first - second, out=np.zeros_like(first), where=crossed)
    cut = start[None] + share[..., None] * (stop - start)[None]
    high = np.einsum("pei,pi->pe", cut - points[:, None], up)
    above = np.where(crossed, high, -np.inf).max(1)
    below = np.where(crossed, high, np.inf).min(1)
    return above, below


def _normals(curve: np.ndarray) -> np.ndarray:
    """Unit vectors to the left of the direction of reading: up, where text is upright."""
    along = np.gradient(curve, axis=0)
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    return np.stack([along[:, 1], -along[:, 0]], 1)


def _lengths(curve: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])


def _length(curve: np.ndarray) -> float:
    return float(_lengths(curve)[-1])


def _at(curve: np.ndarray, places: np.ndarray) -> np.ndarray:
    index = np.arange(len(curve))
    return np.stack([np.interp(places, index, curve[:, i]) for i in (0, 1)], 1)


def _part(curve: np.ndarray, start: float, stop: float) -> np.ndarray | None:
    """The curve between two lengths along it."""
    lengths = _lengths(curve)
    if stop <= start:
        return None
    inner = (lengths > start) & (lengths < stop)
    ends = _at(curve, np.interp([start, stop], lengths, np.arange(len(curve))))
    return np.concatenate([ends[:1], curve[inner], ends[1:]])
