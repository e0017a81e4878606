"""Typeset a line of text as an outline: spaced, kerned and curved, then posed and scaled.

A line is set with its baseline at y = 0, x to the right and y down, in pixels at EM to the em.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isotrope.data.synthetic.fonts import FontFile, load_typeface, outline_font
from isotrope.data.synthetic.painting import coverage

EM = 64.0
_MAX_ASPECT = 40.0  # of an image: text of maximum length in narrow letters stays below it


class Line(NamedTuple):
    """A typeset line. `path`: its outline, a skia.Path. `font`: its skia.Font.

    `anchors`: (len(text), 2) float64, the middle of each character's advance, at half the height
    of a capital. `cap_height`: the height of its capitals.
    """

    path: Any
    anchors: np.ndarray
    cap_height: float
    font: Any


def set_line(text: str, file: FontFile, rng: np.random.Generator, bend: float) -> Line:
    """Set a text in a font, on a straight baseline, or on an arc if `bend` is above 0."""
    import skia

    font, cap_height = _outlines(file.path)
    glyphs = font.textToGlyphs(text)
    advances = np.asarray(font.getWidths(glyphs), np.float64) + _spacing(rng) * EM
    starts = np.concatenate([[0.0], np.cumsum(advances)[:-1]]) + _kerning(font, glyphs)
    curvature = 0.0
    if bend:
        length = max(starts[-1] + advances[-1], 4 * EM)
        curvature = rng.uniform(-0.6, 0.6) * min(bend, 1.5) / length
    stands = [_stand(*span, curvature) for span in zip(starts, advances, strict=True)]
    path = skia.Path()
    for glyph, stand in zip(glyphs, stands, strict=True):
        outline = font.getPath(glyph)
        if outline is not None and not outline.isEmpty():
            path.addPath(outline, stand)
    anchors = np.stack([starts + advances / 2, np.full(len(glyphs), -cap_height / 2)], axis=1)
    if curvature:
        middles = np.stack([advances / 2, anchors[:, 1]], axis=1)
        anchors = np.concatenate(
            [map_points(*each) for each in zip(stands, middles[:, None], strict=True)]
        )
    return Line(path, anchors, cap_height, font)


def surroundings(
    line: Line, others: Callable[[], Line], rng: np.random.Generator, beside: float, above: float
) -> Any:
    """Set the text around a line on its sign or page: a skia.Path, or None.

    Args:
        others: sets another line in the font.
        beside: the probability of a word on each side.
        above: the probability of a line above, and of one below.
    """
    import skia

    chances, path = rng.random(4), skia.Path()
    box = line.path.getBounds()
    gap, leading = rng.uniform(0.2, 0.7) * EM, rng.uniform(0.95, 1.6) * EM
    for chance, most, side in zip(
        chances, (beside, beside, above, above), ("left", "right", "top", "bottom"), strict=True
    ):
        if chance >= most:
            continue
        other = others().path
        own = other.getBounds()
        if side == "left":
            x, y = box.left() - gap - own.right(), 0.0
        elif side == "right":
            x, y = box.right() + gap - own.left(), 0.0
        else:
            x = rng.uniform(box.left(), max(box.right() - own.width(), box.left() + 1)) - own.left()
            y = -leading if side == "top" else leading
        path.addPath(other, x, y)
    return None if path.isEmpty() else path


def place(
    line: Line,
    height: int,
    rng: np.random.Generator,
    difficulty: float,
    stride: int = 1,
    scene: bool = False,
) -> tuple[Any, int]:
    """Return the skia.Matrix from a line to its image, and the image's width in pixels.

    Args:
        difficulty: how far lines lean, turn and recede.
        stride: the width is a multiple of this.
        scene: narrow the letters, as on signs seen from the side.
    """
    pose = _pose(line.path.getBounds(), rng, difficulty, scene)
    box = transformed(line.path, pose).computeTightBounds()
    left, top, right, bottom = _crop(box, line, rng, scene and difficulty > 0)
    scale = height / (bottom - top)
    if scene and difficulty and rng.random() < 0.7:
        scale_x = scale * rng.uniform(0.5, 1.1)
    else:
        scale_x = scale * (rng.uniform(0.8, 1.25) if rng.random() < 0.2 else 1.0)
    steps = max(round((right - left) * scale_x / stride), -(-8 // stride))
    width = int(min(steps, _MAX_ASPECT * height // stride)) * stride
    pose.postTranslate(-left, -top)
    pose.postScale(width / (right - left), scale)
    return pose, width


def transformed(path, matrix):
    """Return `path` transformed by a skia.Matrix, as a new skia.Path."""
    import skia

    result = skia.Path(path)
    result.transform(matrix)
    return result


def map_points(matrix, points) -> np.ndarray:
    """Transform (n, 2) points by a skia.Matrix, including perspective."""
    grid = np.array([matrix.get(i) for i in range(9)]).reshape(3, 3)
    mapped = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ grid.T
    return mapped[:, :2] / mapped[:, 2:]


@lru_cache(maxsize=4096)
def stem(path: str) -> float:
    """Mean stroke thickness of a font, 2 * area / perimeter, in capital heights."""
    import skia

    font, cap_height = _outlines(path)
    letters, pen = skia.Path(), 0.0
    for glyph in font.textToGlyphs("noeht"):
        letters.addPath(font.getPath(glyph), pen, 0.0)
        pen += EM
    perimeter, contours = 0.0, skia.PathMeasure(letters, False)
    while True:
        perimeter += contours.getLength()
        if not contours.nextContour():
            break
    pixels = np.zeros((int(2 * EM), int(6 * EM), 4), np.uint8)
    letters.offset(0.5 * EM, 1.5 * EM)
    skia.Surface(pixels).getCanvas().drawPath(
        letters, skia.Paint(AntiAlias=True, Color=skia.ColorWHITE)
    )
    return 2 * float(pixels[..., 3].sum()) / 255 / perimeter / cap_height


@lru_cache(maxsize=4096)
def look(path: str) -> tuple[bool, bool]:
    """Whether a font is slanted, and whether its strokes end in serifs (its I is wide at the foot).

    Slant is read from the file name: `Italic`, `Oblique`, `Slanted`.
    """
    import skia

    font, _ = _outlines(path)
    outline = font.getPath(font.unicharToGlyph(ord("I")))
    box = outline.computeTightBounds()
    size = (24, 24)
    fit = skia.Matrix.MakeRectToRect(box, skia.Rect(*size), skia.Matrix.kFill_ScaleToFit)
    rows = coverage(transformed(outline, fit), None, size, 2.0)[0].astype(float).sum(axis=1)
    slanted = re.search("ital|obli|slant", Path(path).stem, re.IGNORECASE) is not None
    return slanted, bool(rows[-3:].mean() > 1.4 * rows[9:15].mean())


@lru_cache(maxsize=4096)
def _outlines(path: str):
    """Load the skia.Font of a file at EM, and its capital height in pixels."""
    font = outline_font(load_typeface(path), EM)
    return font, font.getBounds(font.textToGlyphs("H"))[0].height() or 0.7 * EM


def _spacing(rng) -> float:
    """Draw a letter spacing in em: mostly 0, sometimes wide, rarely tight."""
    draw = rng.random()
    if draw < 0.75:
        return 0.0
    if draw < 0.93:
        return rng.uniform(0.0, 0.12)
    return rng.uniform(0.1, 0.35) if draw < 0.97 else rng.uniform(-0.03, 0)


def _kerning(font, glyphs) -> np.ndarray:
    """Shift of each glyph by the font's kerning table, if it has one."""
    shifts = np.zeros(len(glyphs))
    pairs = font.getTypeface().getKerningPairAdjustments(glyphs) if len(glyphs) > 1 else []
    if pairs:
        shifts[1:] = np.cumsum(pairs) * (EM / font.getTypeface().getUnitsPerEm())
    return shifts


def _stand(start: float, advance: float, curvature: float):
    """Matrix that places a glyph on a baseline of this curvature (1/pixel), 0 if straight."""
    import skia

    matrix = skia.Matrix()
    if not curvature:
        return matrix.setTranslate(start, 0)
    angle = (start + advance / 2) * curvature
    matrix.setTranslate(-advance / 2, 0)
    matrix.postRotate(math.degrees(angle))
    matrix.postTranslate(math.sin(angle) / curvature, (1 - math.cos(angle)) / curvature)
    return matrix


def _crop(box, line: Line, rng, scene: bool) -> tuple[float, float, float, float]:
    """Draw the left, top, right and bottom of the visible part around the line's box."""
    top, bottom = box.top(), box.bottom()
    if rng.random() < 0.2:  # the font's line height, as renderers crop
        metrics = line.font.getMetrics()
        top = min(top, max(metrics.fAscent, -1.6 * EM))
        bottom = max(bottom, min(metrics.fDescent, 0.7 * EM))
    if bottom - top < 0.6 * line.cap_height:  # a lone hyphen or comma keeps its size and place
        top, bottom = min(top, -line.cap_height), max(bottom, 0.0)
    margin = _scene_margin if scene else _margin
    left, above, right, below = (margin(rng) * (bottom - top) for _ in range(4))
    return box.left() - left, top - above, box.right() + right, bottom + below


def _margin(rng) -> float:
    """Draw a margin in text heights: mostly tight, as word detectors crop."""
    draw = rng.random()
    if draw < 0.55:
        return rng.uniform(-0.02, 0.10)
    return rng.uniform(0.05, 0.25) if draw < 0.92 else rng.uniform(0.2, 0.6)


def _scene_margin(rng) -> float:
    """Draw a margin as annotators of photographs draw boxes: rarely tight, rarely loose."""
    draw = rng.random()
    if draw < 0.15:
        return rng.uniform(-0.03, 0.05)
    return rng.uniform(0.04, 0.26) if draw < 0.9 else rng.uniform(0.2, 0.5)


def _pose(bounds, rng, difficulty: float, scene: bool):
    """Draw a rotation, slant and perspective about the middle of the line."""
    import skia

    matrix = skia.Matrix()
    matrix.setTranslate(-bounds.centerX(), -bounds.centerY())
    if rng.random() < 0.08:
        matrix.postSkew(rng.uniform(-0.25, 0.12), 0.0)
    if difficulty and scene:
        if rng.random() < 0.3:
            strength = 0.25 * min(difficulty, 1.5) / max(bounds.width(), 2 * bounds.height())
            x, y = rng.uniform(-1, 1) * strength, rng.uniform(-1, 1) * strength
            matrix.postConcat(skia.Matrix.MakeAll(1, 0, 0, 0, 1, 0, x, y, 1))
        draw, most = rng.random(), math.degrees(bounds.height() / max(bounds.width(), 1.0))
        if draw < 0.6:  # long lines turn less, to stay large enough to read
            angle = rng.uniform(-1, 1) * (4 if draw < 0.5 else 10)
            matrix.postRotate(min(max(angle, -most), most))
    elif rng.random() < 0.3:
        matrix.postRotate(rng.uniform(-1.0, 1.0) * (2.0 if difficulty else 1.0))
    matrix.postTranslate(bounds.centerX(), bounds.centerY())
    return matrix
