"""Warps of a page: slant, perspective and curved paper, applied to the image and to the points."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isotrope.data.page_labels import LabeledPage, PageLine

_CELLS = 24
_STEP = 1.5  # line heights between the points of a line on curved paper
_LONGEST = 1600


@dataclass(frozen=True)
class Warp:
    """Where a point of a flat page is in its photograph.

    `p' = S (P(R(p + curve(p))))`: the paper is curved, turned, and seen in perspective; all in
    units of half the page's longer side from its middle, then scaled and shifted into the image.

    Args:
        size: Width and height of the flat page, px.
        turn: Radians counter-clockwise.
        tilt: (2,) perspective along x and y.
        bows: (2,) heights of arcs: of level lines, and of upright ones.
        waves: (k, 5): amplitude, frequency along x and y, phase, and the axis (0 or 1) that moves.
        scale: Pixels of the image for a unit.
        shift: (2,) px.
    """

    size: tuple[int, int]
    turn: float
    tilt: np.ndarray
    bows: np.ndarray
    waves: np.ndarray
    scale: float = 1.0
    shift: np.ndarray | float = 0.0

    @property
    def curved(self) -> bool:
        """Whether straight lines may become curves."""
        return bool(np.any(self.bows)) or len(self.waves) > 0

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 2) of the flat page, px, to the image, px."""
        half = max(self.size) / 2
        at = (points - np.array(self.size) / 2) / half
        x, y = at[:, 0], at[:, 1]
        moved = np.stack([x + self.bows[1] * y**2, y + self.bows[0] * x**2], axis=1)
        for amplitude, along, down, phase, axis in self.waves:
            moved[:, int(axis)] += amplitude * np.sin(along * x + down * y + phase)
        sin, cos = np.sin(self.turn), np.cos(self.turn)
        moved = moved @ np.array([[cos, -sin], [sin, cos]])
        moved /= 1 + moved @ self.tilt[:, None]
        return moved * self.scale + self.shift


def draw_warp(rng: np.random.Generator, size: tuple[int, int]) -> Warp | None:
    """Draw a warp for a page; None for one that lies flat and straight."""
    draw = rng.random()
    if draw < 0.5:
        return None
    slant, kind = rng.normal(), rng.random()
    turn = 1.2 * slant if kind < 0.7 else 7 * slant if kind < 0.9 else rng.uniform(-45, 45)
    turn = float(np.radians(turn))
    tilt, bows, waves = np.zeros(2), np.zeros(2), np.zeros((0, 5))
    if draw > 0.7:
        tilt = rng.normal(0, 0.07, 2).clip(-0.2, 0.2)
    if draw > 0.78:
        bows = rng.normal(0, (0.03, 0.012)).clip(-0.07, 0.07)
    if draw > 0.86:
        count = int(rng.integers(1, 4))
        waves = np.stack(
            [
                rng.uniform(0.001, 0.008, count),
                rng.uniform(-5, 5, count),
                rng.uniform(-5, 5, count),
                rng.uniform(0, 6.3, count),
                (rng.random(count) < 0.75).astype(float),
            ],
            axis=1,
        )
    return _framed(Warp(size, turn, tilt, bows, waves), rng)


def _framed(warp: Warp, rng: np.random.Generator) -> Warp:
    """Scale and shift a warp so that the page fills its image, but for a margin or a crop."""
    edge = warp(_grid(warp.size, 8))
    low, high = edge.min(axis=0), edge.max(axis=0)
    scale = max(warp.size) / 2 * rng.uniform(0.95, 1.05)
    scale = min(scale, _LONGEST / float((high - low).max()))
    spare = rng.uniform(-0.01, 0.05) if rng.random() < 0.6 else 0.0
    return replace(warp, scale=scale, shift=-low * scale + spare * scale)


def image_size(warp: Warp) -> tuple[int, int]:
    """Width and height of the image, px: the page, and as much around it at each side."""
    points = warp(_grid(warp.size, 8))
    width, height = points.min(axis=0) + points.max(axis=0)
    return max(int(width), 32), max(int(height), 32)


def warped(page: LabeledPage, warp: Warp, desk: tuple[int, int, int]) -> LabeledPage:
    """Warp a page and its lines.

    Args:
        desk: The color around the page.
    """
    import skia

    width, height = image_size(warp)
    pixels = np.empty((height, width, 4), np.uint8)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    canvas = surface.getCanvas()
    canvas.clear(skia.ColorSetRGB(*desk))
    flat = _grid(warp.size, _CELLS)
    source = np.full((*page.pixels.shape[:2], 4), 255, np.uint8)
    source[..., :3] = page.pixels
    image = skia.Image.fromarray(source, colorType=skia.kRGBA_8888_ColorType, copy=False)
    shader = image.makeShader(
        skia.TileMode.kClamp, skia.TileMode.kClamp, skia.SamplingOptions(skia.FilterMode.kLinear)
    )
    mesh = skia.Vertices(
        skia.Vertices.kTriangles_VertexMode,
        [skia.Point(*at) for at in warp(flat).tolist()],
        [skia.Point(*at) for at in flat.tolist()],
        None,
        _TRIANGLES,
    )
    canvas.drawVertices(mesh, skia.Paint(Shader=shader))
    if warp.curved or np.any(warp.tilt):
        page = LabeledPage(page.pixels, tuple(map(_divided, page.lines)), page.ignored)
    return page.moved(np.ascontiguousarray(pixels[..., :3]), warp)


def cropped(page: LabeledPage, rng: np.random.Generator) -> LabeledPage:
    """Cut a page's image off at one or more sides."""
    cut = rng.uniform(0, 0.35, 4) * (rng.random(4) < 0.4) * np.tile(page.size, 2)
    left, top, right, bottom = cut.astype(int)
    pixels = page.pixels[top : page.size[1] - bottom, left : page.size[0] - right]
    return page.moved(np.ascontiguousarray(pixels), lambda points: points - (left, top))


def _divided(line: PageLine) -> PageLine:
    step = _STEP * line.height
    outline = divided(np.concatenate([line.polygon, line.polygon[:1]]), step)[:-1]
    return replace(line, baseline=divided(line.baseline, step), polygon=outline)


def divided(points: np.ndarray, step: float) -> np.ndarray:
    """Add points to a polyline (n, 2), so that none are further apart than `step`."""
    counts = np.ceil(np.hypot(*np.diff(points, axis=0).T) / step).astype(int).clip(min=1)
    parts = [
        start + np.arange(count)[:, None] / count * (end - start)
        for start, end, count in zip(points[:-1], points[1:], counts, strict=True)
    ]
    return np.concatenate([*parts, points[-1:]])


def _grid(size: tuple[int, int], cells: int) -> np.ndarray:
    """Points ((cells + 1)^2, 2) of a grid over a page, px."""
    x, y = np.meshgrid(*(np.linspace(0, side, cells + 1) for side in size))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _triangles(cells: int) -> list[int]:
    """Corners of two triangles for each cell of a grid."""
    first = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    right, below, across = first + 1, first + cells + 1, first + cells + 2
    return np.stack([first, right, below, right, across, below], axis=1).ravel().tolist()


_TRIANGLES = _triangles(_CELLS)
