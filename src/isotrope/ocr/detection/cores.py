"""`Core`: the middle line of a line of text, traced through its pixels. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHRINK = 0.6
"""How far maps mark the inside of an outline of area A and perimeter L: `SHRINK A / L` from it."""

STIFFNESS = (1000.0, 100.0, 10.0, 1.0)
"""Weights of the bending of a middle line against its distance from the pixels."""

ASTRAY = 0.1
"""Root mean square distance, in thicknesses, from which a less stiff middle line is tried."""

_BINS = 64
"""Number of points of a middle line, at most."""


@dataclass(frozen=True)
class Pixels:
    """Pixels of a map that belong together.

    Args:
        points: Their centers on the page, `(n, 2)`, px.
        weights: The probability of each, `(n,)`.
        contrast: Of each with the paper, `(n,)`.
        area: Area of each, px^2.
    """

    points: np.ndarray
    weights: np.ndarray
    contrast: np.ndarray
    area: float

    def __getitem__(self, chosen: np.ndarray) -> Pixels:
        return Pixels(self.points[chosen], self.weights[chosen], self.contrast[chosen], self.area)

    @property
    def center(self) -> np.ndarray:
        """Their weighted mean, `(2,)`."""
        return self.weights @ self.points / self.weights.sum()

    @classmethod
    def union(cls, parts: Sequence[Pixels]) -> Pixels:
        """The pixels of all parts."""
        columns = ((part.points, part.weights, part.contrast) for part in parts)
        points, weights, contrast = (
            np.concatenate(column) for column in zip(*columns, strict=True)
        )
        return cls(points, weights, contrast, parts[0].area)


@dataclass(frozen=True)
class Core:
    """The core of a line of text: a band around the middle of its letters, about as high as an x.

    Args:
        middle: Its middle line, `(n, 2)`, n >= 4, in px of the page. It points to the right, or up
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

    @property
    def margin(self) -> float:
        """How far the outline of the text is from the core: `d = SHRINK A / L` of the outline.

        With `A = (l + 2 d) (t + 2 d)` and `L = 2 (l + t + 4 d)`, `d` solves a quadratic equation.
        """
        length, thickness = self.length, self.thickness
        a, b = 8 - 4 * SHRINK, (2 - 2 * SHRINK) * (length + thickness)
        return (math.sqrt(b * b + 4 * a * SHRINK * length * thickness) - b) / (2 * a)

    @property
    def height(self) -> float:
        """Height of the outline, px."""
        return self.thickness + 2 * self.margin


def trace(pixels: Pixels, axis: float) -> Core:
    """Trace the core that pixels form along an axis, of the angle that `principal` gives."""
    center, along, across = pixels.center, *frame(axis)
    s, n = (pixels.points - center) @ along, (pixels.points - center) @ across
    side = math.sqrt(pixels.area)
    low, high = float(s.min()) - side / 2, float(s.max()) + side / 2
    length = high - low
    covered = side * np.count_nonzero(np.bincount(((s - low) / side).astype(int)))
    thickness = max(pixels.area * len(s) / covered, side)
    bins = int(min(_BINS, max(2, round(length / thickness))))
    place = np.minimum(((s - low) * (bins / length)).astype(int), bins - 1)
    mass = np.bincount(place, pixels.weights, bins)
    mean = np.bincount(place, pixels.weights * n, bins) / np.maximum(mass, 1e-9)
    smooth = _smoothed(mean, mass / mass.mean(), ASTRAY * thickness)
    # From the centers of the bins out to the ends, straight on.
    heights = np.concatenate(
        [[1.5 * smooth[0] - 0.5 * smooth[1]], smooth, [1.5 * smooth[-1] - 0.5 * smooth[-2]]]
    )
    steps = np.concatenate([[low], low + (np.arange(bins) + 0.5) * length / bins, [high]])
    middle = center + steps[:, None] * along + heights[:, None] * across
    return Core(middle, thickness, float(pixels.weights.mean()))


def frame(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along a direction and to its right."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([cos, sin]), np.array([-sin, cos])


def principal(pixels: Pixels) -> tuple[float, float]:
    """Principal axis of pixels.

    Returns:
        Its angle in radians, clockwise from the right, in [-pi/2, pi/2), and how many times longer
        than thick the pixels are.
    """
    moved = (pixels.points - pixels.center) / math.sqrt(pixels.area)
    (xx, xy), (_, yy) = (moved * pixels.weights[:, None]).T @ moved / pixels.weights.sum()
    spread = math.hypot((xx - yy) / 2, xy)
    large, small = (xx + yy) / 2 + spread, (xx + yy) / 2 - spread
    ratio = math.sqrt((large + 1 / 12) / (max(small, 0.0) + 1 / 12))
    return upward(0.5 * math.atan2(2 * xy, xx - yy)), ratio


def upward(angle: float) -> float:
    """The direction of an axis that points to the right, or up: in [-pi/2, pi/2), about."""
    return (angle + math.pi / 2 + 1e-6) % math.pi - math.pi / 2 - 1e-6


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
