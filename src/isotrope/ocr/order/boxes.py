"""A line as a box in the frame in which it is level."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from isotrope.ocr.geometry import Point, Points, box


@dataclass(frozen=True)
class Box:
    """What stands at one place: a line, or a block of lines that run in another direction.

    Args:
        index: Its place in the caller's list.
        left, right, top, bottom: Where it is level, px; x to the right, y down.
        height: Of its letters, px.
        xs, ys: The course of its middle, from left to right.
        block: Whether it is a block of lines in another direction.
        cut: Whether the edge of the image cuts it.
        parts: The boxes of which it was joined, in the order of reading.
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
    cut: bool = False
    parts: tuple[Box, ...] = ()

    @property
    def width(self) -> float:
        """Its width, px."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """How far down its middle is, px."""
        return (self.top + self.bottom) / 2

    def at(self, x: float) -> float:
        """The height on the page of its middle at `x`."""
        if x <= self.xs[0]:
            return self.ys[0]
        if x >= self.xs[-1]:
            return self.ys[-1]
        k = bisect_right(self.xs, x)
        x0, x1, y0, y1 = self.xs[k - 1], self.xs[k], self.ys[k - 1], self.ys[k]
        return y0 + (x - x0) * (y1 - y0) / (x1 - x0)


def level(points: Iterable[Point], degrees: float) -> list[Point]:
    """Turn points clockwise by an angle around the origin, so that text at that angle is level."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return [(x * cos - y * sin, x * sin + y * cos) for x, y in points]


def length(points: Sequence[Point]) -> float:
    """The length of a polyline, px."""
    return sum(math.dist(a, b) for a, b in pairwise(points))


def line_box(index: int, polygon: Points, baseline: Points, degrees: float) -> Box:
    """The box of a line where text at an angle is level.

    Args:
        index: Kept in the box.
        polygon, baseline: Of the line.
        degrees: Turn of the text, counter-clockwise.
    """
    outline = level(polygon, degrees)
    base = sorted(level(baseline, degrees))
    left, right = base[0][0], base[-1][0]
    if right - left < 1:  # too short to have a direction
        left, right = min(x for x, _ in outline), max(x for x, _ in outline)
    area, middle = _area_and_middle(outline)
    tops = [y for _, y in outline]
    height = max(min(max(tops) - min(tops), area / max(right - left, 1.0)), 1.0)
    shift = middle - _mean(base)
    ys = tuple(y + shift for _, y in base)
    return Box(
        index=index,
        left=left,
        right=right,
        top=min(ys) - height / 2,
        bottom=max(ys) + height / 2,
        height=height,
        xs=tuple(x for x, _ in base),
        ys=ys,
    )


def block_box(index: int, outlines: Sequence[Points], degrees: float) -> Box:
    """The box around lines that run in another direction than the text at `degrees`."""
    points = [point for outline in outlines for point in level(outline, degrees)]
    left, top, right, bottom = box(points)
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


def _area_and_middle(outline: Sequence[Point]) -> tuple[float, float]:
    """The area of a polygon, and the y of its center of mass."""
    area = moment = 0.0
    for (x0, y0), (x1, y1) in pairwise((*outline, outline[0])):
        cross = x0 * y1 - x1 * y0
        area += cross
        moment += (y0 + y1) * cross
    if not area:
        return 0.0, sum(y for _, y in outline) / len(outline)
    return abs(area) / 2, moment / (3 * area)


def _mean(base: Sequence[Point]) -> float:
    """The mean y of a polyline over x."""
    length = base[-1][0] - base[0][0]
    if length < 1:
        return sum(y for _, y in base) / len(base)
    return sum((x1 - x0) * (y0 + y1) for (x0, y0), (x1, y1) in pairwise(base)) / (2 * length)
