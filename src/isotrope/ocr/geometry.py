"""Points, boxes and turns on a page, in pixels: x to the right, y down. No torch.

A page of `(width, height)` covers `[0, width] x [0, height]`; the center of its first pixel is
`(0.5, 0.5)`. Directions are angles counter-clockwise as a viewer sees them, so that 90 degrees
points up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]
Points = tuple[Point, ...]

_GRID = 64
"""Coordinates are rounded to 1 / 64 px: turning a page is then exact in floating point."""


def rounded(points: Iterable[Sequence[float]]) -> Points:
    """Round points to the grid on which turns are exact."""
    return tuple((round(x * _GRID) / _GRID, round(y * _GRID) / _GRID) for x, y in points)


def turned(points: Iterable[Point], degrees: int, size: tuple[float, float]) -> Points:
    """Map points along with a page that is turned counter-clockwise.

    By 90 degrees, `(x, y)` of a page of `(width, height)` goes to `(y, width - x)`.

    Args:
        points: On the page before the turn.
        degrees: A multiple of 90.
        size: Width and height of the page before the turn, px.

    Raises:
        ValueError: `degrees` is not a multiple of 90.
    """
    if degrees % 90:
        raise ValueError(f"degrees={degrees} must be a multiple of 90")
    width, height = size
    match degrees % 360:
        case 90:
            return tuple((y, width - x) for x, y in points)
        case 180:
            return tuple((width - x, height - y) for x, y in points)
        case 270:
            return tuple((height - y, x) for x, y in points)
    return tuple(points)


def turned_size(size: tuple[float, float], degrees: int) -> tuple[float, float]:
    """Width and height of a page after a turn by a multiple of 90 degrees."""
    return size if degrees % 180 == 0 else (size[1], size[0])


def box(points: Iterable[Point]) -> tuple[float, float, float, float]:
    """The box around points: `(left, top, right, bottom)`."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def direction(points: Sequence[Point]) -> float:
    """Direction from the first point to the last, in degrees counter-clockwise in (-180, 180]."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    return math.degrees(math.atan2(y0 - y1, x1 - x0))
