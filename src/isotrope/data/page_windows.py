"""Windows of annotated pages at any scale and a small turn, as a detector is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from isotrope.data.bands import Band, band_of
from isotrope.data.page_labels import LabeledPage

_LARGEST = 1.6
"""Pages are enlarged by less: more pixels say no more."""


@dataclass(frozen=True, eq=False)
class Window:
    """A page, or a part of one.

    Args:
        image: RGB.
        bands: Its lines, in pixels.
        ignored: As in `LabeledPage`.
    """

    image: Image.Image
    bands: tuple[Band, ...]
    ignored: tuple[np.ndarray, ...] = ()

    @classmethod
    def of(cls, page: LabeledPage) -> Window:
        """The whole page."""
        bands = tuple(band for band in map(band_of, page.lines) if band is not None)
        return cls(Image.fromarray(page.pixels), bands, page.ignored)

    @property
    def height(self) -> float:
        """The median height of its lines, px; 24 if it has none."""
        return float(np.median([band.height for band in self.bands])) if self.bands else 24.0


@dataclass(frozen=True)
class WindowShape:
    """How windows are drawn.

    Args:
        heights: Smallest and largest median height of the lines in a window, px.
        slant: Largest turn, degrees. Most are much smaller.
        split: Share of windows that are put together from two.
    """

    heights: tuple[float, float] = (10.0, 40.0)
    slant: float = 15.0
    split: float = 0.2


def draw_window(
    page: Window, size: tuple[int, int], shape: WindowShape, rng: np.random.Generator
) -> Window:
    """Cut a window around a line of a page, scaled and turned.

    Args:
        page: The page.
        size: Width and height of the window, px.
        shape: How windows are drawn.
        rng: Decides everything.
    """
    low, high = np.log(shape.heights)
    scale = min(float(np.exp(rng.uniform(low, high))) / page.height, _LARGEST)
    turned = rng.normal(0, 1.2) if rng.random() < 0.7 else rng.uniform(-shape.slant, shape.slant)
    angle = np.deg2rad(np.clip(turned, -shape.slant, shape.slant))
    stretch = np.exp(rng.normal(0, 0.06))
    linear = scale * np.array(
        [
            [np.cos(angle) * stretch, np.sin(angle) / stretch],
            [-np.sin(angle) * stretch, np.cos(angle) / stretch],
        ]
    )
    center = _center(page, np.array(size) / scale, rng)
    shift = np.array(size) / 2 - linear @ center
    return _cut(page, np.concatenate([linear, shift[:, None]], 1), size, rng)


def side_by_side(first: Window, second: Window, at: int, across: bool) -> Window:
    """Two windows of one size in one: the second covers all beyond `at` px from the left or top."""
    width, height = first.image.size
    corner = (at, 0) if across else (0, at)
    image = first.image.copy()
    image.paste(second.image.crop((0, 0, width - corner[0], height - corner[1])), corner)
    axis = 0 if across else 1
    bands = [part for band in first.bands for part in _before(band, at, axis)]
    moved = np.array([[1.0, 0.0, corner[0]], [0.0, 1.0, corner[1]]])
    for band in second.bands:
        bands += [b for b in [band.moved(moved)] if b.axis[:, axis].max() > at]
    bands = [part for band in bands for part in _inside(band, (width, height))]
    ignored = [_clipped(p, axis, at) for p in first.ignored]
    ignored += [p + np.array(corner) for p in second.ignored]
    return Window(image, tuple(bands), tuple(p for p in ignored if len(p) > 2))


def _center(page: Window, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A point not far from a line, or anywhere; small pages are shown whole."""
    whole = np.array(page.image.size)
    if page.bands and rng.random() < 0.9:
        axis = page.bands[int(rng.integers(len(page.bands)))].axis
        center = axis[int(rng.integers(len(axis)))] + rng.uniform(-0.4, 0.4, 2) * seen
    else:
        center = rng.uniform(0, 1, 2) * whole
    low = np.minimum(seen / 2, whole / 2) - 0.04 * seen
    return np.clip(center, low, np.maximum(whole - low, low))


def _cut(
    page: Window, matrix: np.ndarray, size: tuple[int, int], rng: np.random.Generator
) -> Window:
    """The window under an affine map `(2, 3)` from the page to it."""
    inverse = np.linalg.inv(matrix[:, :2])
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], float)
    seen = (corners - matrix[:, 2]) @ inverse.T
    low = np.maximum(np.floor(seen.min(0)) - 2, 0)
    high = np.minimum(np.ceil(seen.max(0)) + 2, page.image.size)
    scale = float(abs(np.linalg.det(matrix[:, :2])) ** 0.5)
    small = np.maximum(np.round((high - low) * scale), 1).astype(int)
    part = page.image.resize(
        (int(small[0]), int(small[1])), Image.Resampling.BILINEAR, box=(*low, *high)
    )
    # From the window to the part: x_part = (x_page - low) * small / (high - low).
    factor = small / (high - low)
    back = factor[:, None] * inverse
    offset = factor * (-inverse @ matrix[:, 2] - low)
    data = (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1])
    image = part.transform(
        size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR, fillcolor=_ground(part, rng)
    )
    bands = [b for band in page.bands for b in _inside(band.moved(matrix), size)]
    ignored = [p @ matrix[:, :2].T + matrix[:, 2] for p in page.ignored]
    return Window(image, tuple(bands), tuple(ignored))


def _ground(part: Image.Image, rng: np.random.Generator) -> tuple[int, int, int]:
    """What is beside the page: the paper, or a dark or light table."""
    if rng.random() < 0.5:
        red, green, blue = np.median(np.asarray(part.resize((32, 32))).reshape(-1, 3), 0)
        return int(red), int(green), int(blue)
    shade = int(rng.choice([0, 20, 128, 255]))
    return shade, shade, shade


def _inside(band: Band, size: tuple[int, int]) -> list[Band]:
    """The parts of a band within a window."""
    parts = [band]
    for axis in (0, 1):
        parts = [q for part in parts for q in _before(part, size[axis], axis)]
        parts = [q for part in parts for q in _before(part, 0, axis, after=True)]
    return [part for part in parts if part.length > 0.3 * part.height]


def _before(band: Band, at: float, axis: int, after: bool = False) -> list[Band]:
    """The parts of a band whose coordinate is less (`after`: more) than `at`."""
    values = band.axis[:, axis] - at
    values = -values if after else values
    if (values <= 0).all():
        return [band]
    parts, points = [], []
    for number, (point, value) in enumerate(zip(band.axis, values, strict=True)):
        if number and (value > 0) != (values[number - 1] > 0):
            share = values[number - 1] / (values[number - 1] - value)
            points.append(band.axis[number - 1] + share * (point - band.axis[number - 1]))
            if value > 0:
                parts.append(points)
                points = []
        if value <= 0:
            points.append(point)
    parts.append(points)
    return [Band(np.array(part), band.height) for part in parts if len(part) > 1]


def _clipped(polygon: np.ndarray, axis: int, at: float) -> np.ndarray:
    polygon = polygon.copy()
    polygon[:, axis] = np.minimum(polygon[:, axis], at)
    return polygon


def page_split(names: Sequence[str], held_out: int = 10) -> tuple[list[str], list[str]]:
    """Split names into training and validation: the fifth of every `held_out` of a folder.

    A folder of fewer than five has none for validation.
    """
    folders: dict[str, list[str]] = {}
    for name in sorted(names):
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    held = {name for files in folders.values() for name in files[4::held_out]}
    return [n for n in sorted(names) if n not in held], sorted(held)
