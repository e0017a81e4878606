"""A line as a box in the frame in which it is level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from isotrope.ocr.geometry import Points, box


@dataclass(frozen=True)
class Box:
    """What stands at one place: a line, or a block of lines that run in another direction.

    Args:
        index: Its place in the caller's list.
        left, right, top, bottom: Where it is level, px; x to the right, y down.
        height: Of its letters, px.
        xs, ys: The course of its middle, from left to right.
        block: Whether it is a block of lines in another direction.
    """

    index: int
    left: float
    right: float
    top: float
    bottom: float
    height: float
    xs: tuple[float, ...] = field(compare=False)
    ys: tuple[float, ...] = field(compare=False)
    block: bool = False

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    def at(self, x: float) -> float:
        """The height on the page of its middle at `x`."""
        return float(np.interp(x, self.xs, self.ys))


def level(points: Points, degrees: float) -> np.ndarray:
    """Turn points clockwise by an angle around the origin, so that text at that angle is level."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    xy = np.asarray(points, dtype=float)
    return xy @ np.array([[cos, sin], [-sin, cos]])


def line_box(index: int, polygon: Points, baseline: Points, degrees: float) -> Box:
    """The box of a line where text at an angle is level.

    Args:
        index: Kept in the box.
        polygon, baseline: Of the line.
        degrees: Turn of the text, counter-clockwise.
    """
    outline, base = level(polygon, degrees), level(baseline, degrees)
    base = base[np.argsort(base[:, 0], kind="stable")]
    left, right = float(base[0, 0]), float(base[-1, 0])
    if right - left < 1:  # too short to have a direction
        left, right = float(outline[:, 0].min()), float(outline[:, 0].max())
    x, y = outline[:, 0], outline[:, 1]
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = float(cross.sum()) / 2
    span = float(y.max() - y.min())
    height = min(span, abs(area) / max(right - left, 1.0))
    height = max(height, 1.0)
    middle = float(((y + np.roll(y, -1)) * cross).sum() / (6 * area)) if area else float(y.mean())
    ys = base[:, 1] - _mean(base) + middle
    return Box(
        index,
        left,
        right,
        float(ys.min()) - height / 2,
        float(ys.max()) + height / 2,
        height,
        tuple(base[:, 0].tolist()),
        tuple(ys.tolist()),
    )


def block_box(index: int, outlines: Sequence[Points], degrees: float) -> Box:
    """The box around lines that run in another direction than the text at `degrees`."""
    points = [point for outline in outlines for point in level(outline, degrees).tolist()]
    left, top, right, bottom = box([(x, y) for x, y in points])
    middle = (top + bottom) / 2
    return Box(
        index,
        left,
        right,
        top,
        bottom,
        bottom - top,
        (left, right),
        (middle, middle),
        block=True,
    )


def typical_height(boxes: Sequence[Box]) -> float:
    """The median height of the letters of lines."""
    return median([b.height for b in boxes if not b.block] or [b.height for b in boxes])


def _mean(base: np.ndarray) -> float:
    """The mean y of a polyline over x."""
    x, y = base[:, 0], base[:, 1]
    length = float(x[-1] - x[0])
    if length < 1:
        return float(y.mean())
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum() / length)
