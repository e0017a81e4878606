"""Cut lines out of a page as upright strips, along curves of any shape. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import Points
from isotrope.ocr.recognition.constants import HEIGHT

ABOVE, BELOW, ENDS = 0.1, 0.1, 0.1
"""Paper left above and below a line and at each end, as fractions of its height. On the lines of 70
pages, margins of 0 to 0.1 read alike, others worse; a larger one is faster."""

TALLEST = 192
"""Height in px above which strips are sampled more coarsely than the page."""

_LEVEL = 0.05
"""Drift of a line, in heights, up to which it is cut out as a box, which is faster."""

_AROUND = 2
"""Pixels around a line that interpolation may use."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A line between two curves, the tops and the bottoms of its letters.

    Args:
        top, bottom: `(K, 2)`: points of the two curves on the page, px, from the start of the text
            to its end.
        at: `(K,)`: where they lie along the line, rising from 0 to 1.
        base: `(K,)`: where the baseline lies between them, from 0 at the top to 1.
    """

    top: np.ndarray
    bottom: np.ndarray
    at: np.ndarray
    base: np.ndarray

    @classmethod
    def of(cls, line: DetectedLine) -> Outline:
        """The outline of a detected line."""
        polygon = np.asarray(line.polygon, np.float64)
        half = len(polygon) // 2
        top, bottom = polygon[:half], polygon[half:][::-1]
        top_at, bottom_at = _shares(top), _shares(bottom)
        at = top_at
        if len(top) != len(bottom) or not np.allclose(top_at, bottom_at, atol=0.02):
            at = np.unique(np.concatenate((top_at, bottom_at)).round(3))
        top, bottom = _along(top, top_at, at), _along(bottom, bottom_at, at)
        baseline = np.asarray(line.baseline, np.float64)
        across = bottom - top
        above = _along(baseline, _shares(baseline), at) - top
        base = (above * across).sum(axis=1) / np.maximum((across**2).sum(axis=1), 1e-6)
        return cls(top, bottom, at, np.clip(base, 0.0, 1.0))

    @property
    def middle(self) -> np.ndarray:
        """`(K, 2)`: the points halfway between the curves."""
        return (self.top + self.bottom) / 2

    @property
    def length(self) -> float:
        """Length of the middle, px."""
        return float(np.hypot(*np.diff(self.middle, axis=0).T).sum())

    @property
    def height(self) -> float:
        """Mean distance between the curves, px."""
        return float(np.hypot(*(self.bottom - self.top).T).mean())

    @property
    def baseline(self) -> Points:
        """The line on which the letters stand."""
        points = self.top + self.base[:, None] * (self.bottom - self.top)
        return tuple((x, y) for x, y in points.tolist())

    def flipped(self) -> Outline:
        """The same line, read the other way; its letters stand as far above its bottom."""
        return Outline(self.bottom[::-1], self.top[::-1], 1 - self.at[::-1], self.base[::-1])

    def wider(self, above: float, below: float, ends: float) -> Outline:
        """The outline with margins, in px."""
        across = self.bottom - self.top
        unit = across / np.maximum(np.hypot(*across.T), 1e-6)[:, None]
        step = ends / max(self.length, 1e-6)
        at = np.concatenate(([-step], self.at, [1 + step]))
        return Outline(
            _extended(self.top - above * unit, self.at, step),
            _extended(self.bottom + below * unit, self.at, step),
            (at + step) / (1 + 2 * step),
            np.pad(self.base, 1, mode="edge"),
        )

    def part(self, start: float, end: float) -> Points:
        """The polygon of a part of the line: along its top, then back along its bottom."""
        inside = self.at[(self.at > start) & (self.at < end)]
        at = np.concatenate(([start], inside, [end]))
        top, bottom = (_along(curve, self.at, at) for curve in (self.top, self.bottom))
        return tuple((x, y) for x, y in np.concatenate([top, bottom[::-1]]).tolist())


@dataclass(frozen=True, eq=False)
class Strip:
    """An upright image of a line, cut out of its page when it is asked for.

    Args:
        page: `(H, W, 3)`, uint8 RGB.
        outline: Of the line, without the margins.
        whole: With them.
        size: Width and height, px.
        margin: Paper at each end, as a fraction of the width.
        paper: Color of what lies beyond the page.
        keep: Whether to keep the image. The lines of a large page take more memory than the page.
        is_flipped: Whether it is turned by 180 degrees after it is cut out.
    """

    page: np.ndarray
    outline: Outline
    whole: Outline
    size: tuple[int, int]
    margin: float
    paper: tuple[int, int, int]
    keep: bool = True
    is_flipped: bool = False

    @property
    def pixels(self) -> np.ndarray:
        """`(height, width, 3)`, uint8 RGB."""
        return self._kept if self.keep else self._cut()

    @cached_property
    def _kept(self) -> np.ndarray:
        return self._cut()

    def _cut(self) -> np.ndarray:
        pixels = _sampled(self.page, self.whole, self.size, self.paper)
        return np.ascontiguousarray(pixels[::-1, ::-1]) if self.is_flipped else pixels

    def flipped(self) -> Strip:
        """The strip turned by 180 degrees."""
        return replace(self, outline=self.outline.flipped(), is_flipped=not self.is_flipped)

    def along(self, share: float) -> float:
        """Where a place in the strip lies along the line; both from 0 to 1."""
        return min(1.0, max(0.0, (share - self.margin) / (1 - 2 * self.margin)))


def cut(
    page: np.ndarray,
    outline: Outline,
    paper: tuple[int, int, int] = (255, 255, 255),
    margins: tuple[float, float, float] = (ABOVE, BELOW, ENDS),
    keep: bool = True,
) -> Strip:
    """Cut a line out of a page.

    Lines smaller than the recognizer's are enlarged, so that they are interpolated only once.

    Args:
        page: `(H, W, 3)`, uint8 RGB.
        outline: The line.
        paper: Color of what lies beyond the page.
        margins: As fractions of the line's height: above, below, at each end.
        keep: As in `Strip`.
    """
    above, below, ends = (margin * outline.height for margin in margins)
    whole = outline.wider(above, below, ends)
    height = round(min(max(whole.height, HEIGHT), TALLEST))
    width = max(1, round(whole.length * height / max(whole.height, 1e-6)))
    margin = ends / max(whole.length, 1e-6)
    return Strip(page, outline, whole, (width, height), margin, paper, keep)


def _sampled(
    page: np.ndarray, whole: Outline, size: tuple[int, int], paper: tuple[int, int, int]
) -> np.ndarray:
    """Sample a line along its curves, one quadrilateral after the other."""
    width, height = size
    points = np.concatenate([whole.top, whole.bottom])
    corner = np.array(page.shape[1::-1]) - 1
    first = np.clip(np.floor(points.min(axis=0)).astype(int) - _AROUND, 0, corner)
    last = np.maximum(np.ceil(points.max(axis=0)).astype(int) + _AROUND, first + 1)
    part = Image.fromarray(np.ascontiguousarray(page[first[1] : last[1], first[0] : last[0]]))
    top, bottom = whole.top - first, whole.bottom - first
    if (edges := _level(top, bottom, part.size)) is not None:
        return np.asarray(part.resize(size, Image.Resampling.BICUBIC, edges))
    mesh = []
    columns = np.round(whole.at * width).astype(int)
    for k in range(len(columns) - 1):
        left, right = int(columns[k]), int(columns[k + 1])
        if right > left:
            corners = top[k], bottom[k], bottom[k + 1], top[k + 1]
            mesh.append(((left, 0, right, height), tuple(np.concatenate(corners).tolist())))
    sampled = part.transform(
        size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC, fillcolor=paper
    )
    return np.asarray(sampled)


def _level(
    top: np.ndarray, bottom: np.ndarray, size: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """The edges of a line that is level from left to right and within an image; else None."""
    off = max(float(np.ptp(curve[:, 1])) for curve in (top, bottom))
    if off > _LEVEL * (bottom[:, 1] - top[:, 1]).mean() or top[0, 0] >= top[-1, 0]:
        return None
    left, right = top[0, 0], top[-1, 0]
    edges = float(left), float(top[:, 1].mean()), float(right), float(bottom[:, 1].mean())
    inside = min(edges) >= 0 and edges[2] <= size[0] and edges[3] <= size[1]
    return edges if inside else None


def _shares(curve: np.ndarray) -> np.ndarray:
    """Where the points of a curve lie along it: from 0 to 1."""
    lengths = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))))
    return lengths / lengths[-1] if lengths[-1] > 0 else np.linspace(0, 1, len(curve))


def _along(curve: np.ndarray, shares: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The points of a curve at other places."""
    return np.stack([np.interp(at, shares, curve[:, axis]) for axis in (0, 1)], axis=1)


def _extended(curve: np.ndarray, at: np.ndarray, step: float) -> np.ndarray:
    """A curve that goes on straight for `step` at both ends."""
    first = curve[0] + (curve[0] - curve[1]) * step / max(at[1] - at[0], 1e-6)
    last = curve[-1] + (curve[-1] - curve[-2]) * step / max(at[-1] - at[-2], 1e-6)
    return np.concatenate(([first], curve, [last]))
