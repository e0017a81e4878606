"""What the maps of a detector should say about a page whose lines are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from isotrope.data.bands import Band


@dataclass(frozen=True)
class CoreShape:
    """How much of a line is its core, in heights of the line.

    Args:
        share: Thickness of the core.
        gap: Length of the line beyond either end of the core.
        end: Length of the parts that the map of ends marks, from either end of the line.
    """

    share: float = 0.4
    gap: float = 0.3
    end: float = 0.6


class Targets(NamedTuple):
    """Maps of `(h, w)` positions, float32. `end`, `arrow` and `height` may be left out.

    Args:
        core: How much of a position is covered by the core of a line, in [0, 1].
        known: 1 where the truth is known, else 0.
        end: As `core`, of the ends of lines.
        arrow: The direction of reading, unit vectors `(2, h, w)`, `(x, y)` with y down; 0 outside
            cores.
        height: The natural logarithm of the line's height in pixels; 0 outside cores.
    """

    core: np.ndarray
    known: np.ndarray
    end: np.ndarray | None = None
    arrow: np.ndarray | None = None
    height: np.ndarray | None = None


def draw_targets(
    bands: Sequence[Band],
    size: tuple[int, int],
    scale: int,
    shape: CoreShape,
    ignored: Sequence[np.ndarray] = (),
    cores_only: bool = False,
) -> Targets:
    """Draw the maps of a page.

    Args:
        bands: The lines, in pixels.
        size: Height and width of the page in pixels, multiples of `scale`.
        scale: Pixels per position.
        shape: What is marked of a line.
        ignored: Polygons `(N, 2)` in pixels where nothing is known.
        cores_only: Whether to leave out all maps but `core` and `known`.
    """
    grid = size[0] // scale, size[1] // scale, scale
    cores = [core for band in bands if (core := _core(band, shape)) is not None]
    hidden = _Canvas(*grid)
    for polygon in ignored:
        hidden.fill(polygon)
    targets = Targets(
        _coverage(cores, shape.share, *grid), (hidden.coverage() < 0.5).astype(np.float32)
    )
    if cores_only:
        return targets
    ends = [end for band in bands for end in band.ends(shape.end * band.height)]
    arrow, height = _directions(cores, shape.share, *grid)
    return targets._replace(
        end=_coverage(ends, 1.5 * shape.share, *grid), arrow=arrow, height=height
    )


def _directions(
    cores: Sequence[Band], share: float, rows: int, columns: int, scale: int
) -> tuple[np.ndarray, np.ndarray]:
    """The maps `arrow` and `height`."""
    canvas = _Canvas(rows, columns, scale, smooth=False)
    arrows, heights = [(0.0, 0.0)], [0.0]
    for core in cores:
        for start, stop in zip(core.axis[:-1], core.axis[1:], strict=True):
            across, down = stop - start
            if length := float(np.hypot(across, down)):
                canvas.stroke(np.stack([start, stop]), share * core.height, len(arrows))
                arrows.append((across / length, down / length))
                heights.append(float(np.log(core.height)))
    label = canvas.values()
    arrow = np.array(arrows, np.float32)[label].transpose(2, 0, 1)
    return arrow, np.array(heights, np.float32)[label]


def _core(band: Band, shape: CoreShape) -> Band | None:
    """The middle of a line; of a letter, what is left of it."""
    gap = min(shape.gap * band.height, 0.3 * band.length)
    return band.shortened(gap)


def _coverage(
    bands: Sequence[Band], share: float, rows: int, columns: int, scale: int
) -> np.ndarray:
    canvas = _Canvas(rows, columns, scale)
    for band in bands:
        canvas.stroke(band.axis, share * band.height)
    return canvas.coverage()


class _Canvas:
    """Strokes on a grid, `scale` pixels per position; whole numbers unless `smooth`."""

    def __init__(self, rows: int, columns: int, scale: int, smooth: bool = True) -> None:
        import skia

        self.pixels = np.zeros((rows, columns, 4), np.uint8)
        self.surface = skia.Surface(self.pixels, colorType=skia.kRGBA_8888_ColorType)
        self.canvas, self.smooth = self.surface.getCanvas(), smooth
        self.canvas.scale(1 / scale, 1 / scale)

    def stroke(self, axis: np.ndarray, thickness: float, value: int = 255) -> None:
        import skia

        paint = self._paint(value)
        paint.setStyle(skia.Paint.kStroke_Style)
        paint.setStrokeWidth(thickness)
        paint.setStrokeJoin(skia.Paint.kRound_Join)
        self.canvas.drawPath(_path(axis), paint)

    def fill(self, polygon: np.ndarray) -> None:
        path = _path(polygon)
        path.close()
        self.canvas.drawPath(path, self._paint(255))

    def coverage(self) -> np.ndarray:
        return self._flushed()[..., 3].astype(np.float32) / 255

    def values(self) -> np.ndarray:
        pixels = self._flushed().astype(np.int64)
        return pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]

    def _paint(self, value: int):
        import skia

        color = skia.Color(value % 256, value // 256 % 256, value // 65536)
        return skia.Paint(AntiAlias=self.smooth, Color=color)

    def _flushed(self) -> np.ndarray:
        self.surface.flushAndSubmit()
        return self.pixels


def _path(points: np.ndarray):
    import skia

    path = skia.Path()
    path.moveTo(*map(float, points[0]))
    for point in points[1:]:
        path.lineTo(*map(float, point))
    return path
