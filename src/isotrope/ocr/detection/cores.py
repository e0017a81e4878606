"""`Core`: the middle line of a line of text, traced through its pixels. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

STIFFNESS = (1000.0, 100.0, 10.0, 1.0)
"""Weights of the bending of a middle line against its distance from the pixels."""

ASTRAY = 0.1
"""Root mean square distance, in thicknesses, from which a less stiff middle line is tried."""

_BINS = 64
"""Number of points of a middle line, at most."""


@dataclass(frozen=True)
class Core:
    """The core of a line of text: a band around the middle of its letters, about as high as an x.

    Args:
        middle: Its middle line, `(n, 2)`, n >= 2, in px of the page. It points to the right, or up
            if it is vertical.
        thickness: Its mean thickness, px.
        confidence: The mean probability of its pixels.
    """

    middle: np.ndarray
    thickness: float
    confidence: float

    @property
    def length(self) -> float:
        """Length of the middle line, px."""
        return float(np.linalg.norm(np.diff(self.middle, axis=0), axis=1).sum())


def trace(points: np.ndarray, weights: np.ndarray, area: float, axis: float | None = None) -> Core:
    """Trace the core that some pixels form.

    Args:
        points: Centers of its pixels, `(n, 2)`, px.
        weights: The probability of each, `(n,)`.
        area: Area of a pixel, px^2.
        axis: Direction of the line as `principal` gives it. None: that of the pixels.
    """
    center = np.average(points, axis=0, weights=weights)
    angle = principal(points, weights)[0] if axis is None else axis
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    s, n = (points - center) @ along, (points - center) @ across
    side = math.sqrt(area)
    low, high = float(s.min()) - side / 2, float(s.max()) + side / 2
    length = high - low
    thickness = max(area * len(points) / length, side)
    bins = int(min(_BINS, max(2, round(length / thickness))))
    place = np.minimum(((s - low) * (bins / length)).astype(int), bins - 1)
    mass = np.bincount(place, weights, bins)
    mean = np.bincount(place, weights * n, bins) / np.maximum(mass, 1e-9)
    smooth = _smoothed(mean, mass / mass.mean(), ASTRAY * thickness)
    # From the centers of the bins out to the ends, straight on.
    first, last = (
        smooth[0] - (smooth[1] - smooth[0]) / 2,
        smooth[-1] + (smooth[-1] - smooth[-2]) / 2,
    )
    heights = np.concatenate([[first], smooth, [last]])
    steps = np.concatenate([[low], low + (np.arange(bins) + 0.5) * length / bins, [high]])
    middle = center + steps[:, None] * along + heights[:, None] * across
    return Core(middle, thickness, float(weights.mean()))


def principal(points: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Principal axis of pixels.

    Returns:
        Its angle in radians, clockwise from the right, in (-pi/2, pi/2] but up rather than down;
        and how many times longer than thick the pixels are.
    """
    moved = points - np.average(points, axis=0, weights=weights)
    (xx, xy), (_, yy) = (moved * weights[:, None]).T @ moved / weights.sum()
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    spread = math.hypot((xx - yy) / 2, xy)
    large, small = (xx + yy) / 2 + spread, (xx + yy) / 2 - spread
    if angle > math.pi / 2 - 1e-6:
        angle -= math.pi
    return angle, math.sqrt((large + 1 / 12) / (max(small, 0.0) + 1 / 12))


def _smoothed(values: np.ndarray, weights: np.ndarray, astray: float) -> np.ndarray:
    """Least squares with a penalty on second differences (Whittaker 1923), as stiff as will do."""
    smooth = values
    if len(values) < 3:
        return smooth
    bend = np.diff(np.eye(len(values)), 2, axis=0)
    bend = bend.T @ bend
    for stiffness in STIFFNESS:
        smooth = np.linalg.solve(np.diag(weights + 1e-6) + stiffness * bend, weights * values)
        if np.average((smooth - values) ** 2, weights=weights) <= astray**2:
            break
    return smooth
