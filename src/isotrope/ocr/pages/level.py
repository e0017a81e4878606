"""Rotate a page by any angle, and map points back. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import Point, Points

_BAND = 1 << 24
"""Number of pixels that are turned at once."""

_AROUND = 3
"""Pixels around a part that interpolation may use."""


@dataclass(frozen=True, eq=False)
class Leveled:
    """A page turned back by its slant.

    Args:
        pixels: (H', W', 3), uint8 RGB: the whole page, with its paper's color in the corners.
        slant: By how many degrees counter-clockwise the page was turned.
        size: Width and height of the page before, px.
    """

    pixels: np.ndarray
    slant: float
    size: tuple[int, int]

    @classmethod
    def of(cls, page: np.ndarray, slant: float) -> Leveled:
        """Turn a page `(H, W, 3)` back by its slant, bicubically."""
        rows, columns = page.shape[:2]
        cos, sin = math.cos(math.radians(slant)), math.sin(math.radians(slant))
        width = math.ceil(columns * cos + rows * abs(sin))
        height = math.ceil(rows * cos + columns * abs(sin))
        x0, y0 = _shift((columns, rows), (width, height), cos, sin)
        color = paper(page)
        pixels = np.empty((height, width, 3), np.uint8)
        step = max(1, _BAND // width)
        for top in range(0, height, step):
            size = (width, min(step, height - top))
            place = (x0 + sin * top, y0 + cos * top)
            pixels[top : top + step] = _turned_part(page, (cos, sin), place, size, color)
        return cls(pixels, slant, (columns, rows))

    def back(self, points: Iterable[Point]) -> Points:
        """Map points to the page before."""
        cos, sin = math.cos(math.radians(self.slant)), math.sin(math.radians(self.slant))
        rows, columns = self.pixels.shape[:2]
        x0, y0 = _shift(self.size, (columns, rows), cos, sin)
        return tuple((cos * x + sin * y + x0, -sin * x + cos * y + y0) for x, y in points)


def moved(lines: Iterable[DetectedLine], where) -> list[DetectedLine]:
    """The lines with all their points mapped by a function."""
    return [
        replace(line, baseline=where(line.baseline), polygon=where(line.polygon)) for line in lines
    ]


def paper(page: np.ndarray) -> tuple[int, int, int]:
    """The color of the paper: the median of the pixels, of a sample of them on a large page."""
    step = max(1, math.isqrt(page.shape[0] * page.shape[1] // 65536))
    red, green, blue = np.median(page[::step, ::step].reshape(-1, 3), axis=0)
    return int(red), int(green), int(blue)


def _turned_part(
    page: np.ndarray,
    turn: tuple[float, float],
    place: tuple[float, float],
    size: tuple[int, int],
    color: tuple[int, int, int],
) -> np.ndarray:
    """A part of the turned page, given cosine and sine, what its corner maps to, and its size."""
    (cos, sin), (x0, y0), (width, height) = turn, place, size
    corners = np.array([(x, y) for x in (0, width) for y in (0, height)])
    points = corners @ [(cos, -sin), (sin, cos)] + place  # on the page
    limit = np.array(page.shape[1::-1])
    left, top = np.clip(np.floor(points.min(axis=0)).astype(int) - _AROUND, 0, limit - 1)
    right, bottom = np.clip(np.ceil(points.max(axis=0)).astype(int) + _AROUND, 1, limit)
    part = Image.fromarray(np.ascontiguousarray(page[top:bottom, left:right]))
    turned = part.transform(
        size,
        Image.Transform.AFFINE,
        (cos, sin, x0 - left, -sin, cos, y0 - top),
        Image.Resampling.BICUBIC,
        fillcolor=color,
    )
    return np.asarray(turned)


def _shift(
    size: Sequence[float], leveled: Sequence[float], cos: float, sin: float
) -> tuple[float, float]:
    """What the top left corner of the leveled page maps to: centers map to each other."""
    x, y = leveled[0] / 2, leveled[1] / 2
    return size[0] / 2 - cos * x - sin * y, size[1] / 2 + sin * x - cos * y
