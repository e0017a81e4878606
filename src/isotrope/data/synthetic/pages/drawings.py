"""Drawings and maps: lines and shapes with text in four directions and along curves."""

from __future__ import annotations

import math

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.faces import Face
from isotrope.data.synthetic.pages.forms import boxes
from isotrope.data.synthetic.pages.paragraphs import flow
from isotrope.data.synthetic.pages.press import Press, Setting, draw_setting
from isotrope.data.synthetic.pages.rules import rule
from isotrope.data.synthetic.pages.stamps import circle

_TRIES = 12


def drawing(press: Press, page: Box, height: float) -> None:
    """Draw a plan or a map with dimensions, names, notes and a title block."""
    import skia

    height = min(height, 26)
    kind = pick(press.rng, ("text", "text", "mono", "hand"))
    setting = draw_setting(press, kind, height)
    frame = page.inset(press.between(0.02, 0.05) * page.width)
    paint = _pen(press)
    if press.chance(0.6):
        press.sheet.canvas.drawRect(skia.Rect(*frame), paint)
    taken: list[np.ndarray] = []
    if press.chance(0.6):
        taken.append(_title_block(press, frame, setting))
    inner = frame.inset(1.5 * height)
    _lines(press, inner, paint)
    for _ in range(press.count(4, 40)):
        text = press.writing.number if press.chance(0.6) else press.writing.label
        _place(press, inner, setting.face, text(press.rng)[:20], setting.color, taken)
    for _ in range(press.count(0, 4)):
        _name(press, inner, setting, taken)
    if press.chance(0.4):
        _notes(press, inner, setting, taken)


def _title_block(press: Press, frame: Box, setting: Setting) -> np.ndarray:
    """A grid of labeled boxes in a corner; returns the corners of its box."""
    wide = min(press.between(0.3, 0.6) * frame.width, 22 * setting.face.height)
    tall = 8 * setting.face.height
    box = Box(frame.right - wide, frame.bottom - tall, frame.right, frame.bottom)
    boxes(press, box, setting, setting, 0.8)
    return _corners(box)


def _lines(press: Press, box: Box, paint) -> None:
    """Polygons, circles, axes and long curves."""
    import skia

    canvas, rng = press.sheet.canvas, press.rng
    for _ in range(press.count(3, 16)):
        draw = rng.random()
        x, y = press.between(box.left, box.right), press.between(box.top, box.bottom)
        width, height = rng.exponential(0.25, 2) * (box.width, box.height)
        rect = skia.Rect(x, y, min(x + width, box.right), min(y + height, box.bottom))
        if draw < 0.35:
            canvas.drawRect(rect, paint)
        elif draw < 0.55:
            canvas.drawOval(rect, paint)
        elif draw < 0.8:
            ends = rng.random((2, 2)) * (box.width, box.height) + (box.left, box.top)
            if press.chance(0.7):  # level or upright
                axis = int(press.chance(0.5))
                ends[1, axis] = ends[0, axis]
            canvas.drawLine(*ends.ravel().tolist(), paint)
        else:
            points = rng.random((4, 2)) * (box.width, box.height) + (box.left, box.top)
            path = skia.Path()
            path.moveTo(*points[0].tolist())
            path.cubicTo(*points[1:].ravel().tolist())
            canvas.drawPath(path, paint)


def _place(
    press: Press, box: Box, face: Face, text: str, color: int, taken: list[np.ndarray]
) -> None:
    """Set a text where there is room, in one of four directions or rarely any other."""
    import skia

    run = face.run(text)
    for _ in range(_TRIES):
        degrees = 90.0 * press.count(0, 3) if press.chance(0.85) else press.between(-180, 180)
        half = Box(-run.width / 2, -face.height / 2, run.width / 2, face.height / 2)
        at = press.between(box.left, box.right), press.between(box.top, box.bottom)
        corners = _spun(_corners(half.inset(-0.35 * face.height)), degrees) + at
        if not _free(corners, box, taken):
            continue
        taken.append(corners)
        matrix = skia.Matrix()
        matrix.setRotate(-degrees)
        matrix.postTranslate(*at)
        with press.sheet.frame(matrix):
            press.sheet.new_block()
            press.sheet.write(face, run, half.left, half.top + face.ascent, color=color)
            if press.chance(0.5):
                _dimension(press, half, face, color)
        return


def _dimension(press: Press, half: Box, face: Face, color: int) -> None:
    """The line of a dimension, with arrows, under its number."""
    reach = half.width * press.between(0.6, 1.6)
    y, tip = half.bottom + 0.15 * face.height, 0.3 * face.height
    rule(press, (-reach, y), (reach, y), 1.0, color)
    for side in (-reach, reach):
        inward = side - math.copysign(tip, side)
        rule(press, (side, y), (inward, y - 0.4 * tip), 1.0, color)
        rule(press, (side, y), (inward, y + 0.4 * tip), 1.0, color)


def _name(press: Press, box: Box, setting: Setting, taken: list[np.ndarray]) -> None:
    """A name along an arc, its letters wide apart, as of a river or a country."""
    face = setting.sized(press.between(1.0, 1.6)).face
    run = face.run(press.writing.heading(press.rng, 14), press.between(0.05, 0.8) * face.height)
    for _ in range(_TRIES):
        radius = press.between(0.8, 4) * max(run.width, 4 * face.height)
        start = press.between(-math.pi, math.pi)
        middle = press.between(box.left, box.right), press.between(box.top, box.bottom)
        first, _ = circle((0.0, 0.0), radius, start)(np.zeros(1))
        center = tuple((np.array(middle) - first[0]).tolist())
        curve = circle(center, radius, start)
        points, angles = curve(np.linspace(0, run.width, 5))
        up = np.stack([np.sin(angles), -np.cos(angles)], axis=1)
        outline = np.concatenate([points + face.height * up, points - 0.5 * face.height * up])
        low, high = outline.min(axis=0), outline.max(axis=0)
        corners = _corners(Box(*low.tolist(), *high.tolist()))
        if _free(corners, box, taken):
            taken.append(corners)
            press.sheet.new_block()
            press.sheet.write_along(face, run, curve, color=setting.color)
            return


def _notes(press: Press, box: Box, setting: Setting, taken: list[np.ndarray]) -> None:
    """A paragraph of a few lines."""
    width = press.between(8, 16) * setting.face.height
    lines = press.count(2, 7)
    tall = lines * setting.pitch + setting.face.height
    for _ in range(_TRIES):
        if box.width < width or box.height < tall:
            return
        x = press.between(box.left, box.right - width)
        y = press.between(box.top, box.bottom - tall)
        area = Box(x, y, x + width, y + tall)
        if _free(_corners(area), box, taken):
            taken.append(_corners(area))
            flow(press, area, setting, press.writing.paragraphs(press.rng), lines)
            return


def _pen(press: Press):
    import skia

    gray = press.count(0, 130)
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorSetRGB(gray, gray, gray))
    paint.setStyle(skia.Paint.kStroke_Style)
    paint.setStrokeWidth(press.between(0.7, 2.5))
    return paint


def _corners(box: Box) -> np.ndarray:
    return np.array(
        [[box.left, box.top], [box.right, box.top], [box.right, box.bottom], [box.left, box.bottom]]
    )


def _spun(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turn points counter-clockwise about the origin."""
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return points @ np.array([[cos, -sin], [sin, cos]])


def _free(corners: np.ndarray, box: Box, taken: list[np.ndarray]) -> bool:
    """Whether the box around some corners is inside a box and meets nothing that is taken."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (low < (box.left, box.top)).any() or (high > (box.right, box.bottom)).any():
        return False
    return all(
        (high < other.min(axis=0)).any() or (low > other.max(axis=0)).any() for other in taken
    )
