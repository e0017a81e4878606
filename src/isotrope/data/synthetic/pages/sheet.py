"""A sheet of ink: what is drawn on it, and where its lines of text are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from isotrope.data.page_labels import PageLine
from isotrope.data.synthetic.pages.faces import Face, Run
from isotrope.data.synthetic.typesetting import map_points

Curve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""A baseline: distances (n,) along it to points (n, 2) and angles (n,), clockwise in radians."""

BLACK = 0xFF000000
_LEAST_STROKE = 0.75  # px
_STEP = 1.5  # line heights between the points of a curved baseline


class Sheet:
    """A white sheet, on which blocks are set in their own frames.

    The lines follow the ink: both go through the matrix of the canvas.

    Args:
        width, height: px.
    """

    def __init__(self, width: int, height: int) -> None:
        import skia

        self.width, self.height = width, height
        self.pixels = np.full((height, width, 4), 255, np.uint8)
        self._surface = skia.Surface(self.pixels, colorType=skia.kRGBA_8888_ColorType)
        self.canvas = self._surface.getCanvas()
        self.lines: list[PageLine] = []
        self.ignored: list[np.ndarray] = []
        self.block = -1

    def new_block(self) -> None:
        """Begin a block of text; lines belong to the latest."""
        self.block += 1

    @contextmanager
    def frame(self, matrix: Any) -> Iterator[None]:
        """Draw in a frame of its own: `matrix` (skia.Matrix) maps from it to the present one."""
        self.canvas.save()
        self.canvas.concat(matrix)
        try:
            yield
        finally:
            self.canvas.restore()

    def to_page(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 2) of the present frame to the sheet."""
        return map_points(self.canvas.getTotalMatrix(), points)

    def image(self):
        """What is drawn by now, as a skia.Image."""
        return self._surface.makeImageSnapshot()

    def ignore(self, points: np.ndarray) -> None:
        """Leave out of training what is within a polygon (n, 2) of the present frame."""
        self.ignored.append(self.to_page(points))

    def write(
        self,
        face: Face,
        run: Run,
        x: float,
        y: float,
        *,
        color: int = BLACK,
        width: float | None = None,
        jitter: np.ndarray | None = None,
    ) -> float:
        """Set a line on a straight baseline, and return where it ends.

        Args:
            x, y: The start of its baseline.
            color: ARGB.
            width: Widen the spaces to this width, px.
            jitter: (n,) how far each letter stands below the baseline, px.
        """
        import skia

        if not run.text.strip():
            return x
        advances = run.advances
        spaces = run.text.count(" ")
        if width is not None and spaces:
            wider = np.array([letter == " " for letter in run.text])
            advances = advances + wider * ((width - run.width) / spaces)
        ends = x + np.cumsum(advances)
        starts = ends - advances
        builder = skia.TextBlobBuilder()
        if jitter is None:
            builder.allocRunPosH(face.font, run.glyphs, starts.tolist(), y)
        else:
            points = [
                skia.Point(*each)
                for each in zip(starts.tolist(), (y + jitter).tolist(), strict=True)
            ]
            builder.allocRunPos(face.font, run.glyphs, points)
        self.canvas.drawTextBlob(builder.make(), 0, 0, _paint(face, color))
        ends_at = float(ends[-1])
        self._label(face, run.text, np.array([[x, y], [ends_at, y]]), np.zeros(2))
        return ends_at

    def write_along(self, face: Face, run: Run, curve: Curve, *, color: int = BLACK) -> None:
        """Set a line on a curved baseline, from its start on."""
        import skia

        if not run.text.strip():
            return
        middles = np.cumsum(run.advances) - run.advances / 2
        points, angles = curve(middles)
        along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        origins = points - along * run.advances[:, None] / 2
        forms = [
            skia.RSXform(*each) for each in zip(*along.T.tolist(), *origins.T.tolist(), strict=True)
        ]
        builder = skia.TextBlobBuilder()
        builder.allocRunRSXform(face.font, run.glyphs, forms)
        self.canvas.drawTextBlob(builder.make(), 0, 0, _paint(face, color))
        count = max(math.ceil(run.width / (_STEP * face.height)), 1) + 1
        self._label(face, run.text, *curve(np.linspace(0, run.width, count)))

    def _label(self, face: Face, text: str, points: np.ndarray, angles: np.ndarray) -> None:
        up = np.stack([np.sin(angles), -np.cos(angles)], axis=1)
        outline = np.concatenate([points + face.ascent * up, (points - face.descent * up)[::-1]])
        line = PageLine(points, outline, face.height, text, self.block)
        self.lines.append(line.moved(self.to_page))


def _paint(face: Face, color: int):
    """Paint for letters; strokes under three quarters of a pixel are thickened."""
    import skia

    paint = skia.Paint(AntiAlias=True, Color=color)
    if face.stem < _LEAST_STROKE:
        paint.setStyle(skia.Paint.kStrokeAndFill_Style)
        paint.setStrokeWidth(_LEAST_STROKE - face.stem)
    return paint
