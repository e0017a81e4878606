"""Stamps and seals: text in a frame or around a circle, over whatever is there."""

from __future__ import annotations

import math

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import phrase
from isotrope.data.synthetic.pages.press import Press, Setting
from isotrope.data.synthetic.pages.turning import turned

_COLORS = (0xC02A3A9A, 0xC0A02030, 0xB0505050, 0xC0206040, 0xA06A3090)


def stamp(press: Press, page: Box, height: float) -> None:
    """Draw a stamp anywhere on a page, at any angle.

    Args:
        height: Of a line of its text, px.
    """
    color = pick(press.rng, _COLORS)
    height = float(np.clip(height * press.between(0.7, 1.1), 12, 34))
    side = min(press.between(5, 11) * height, 0.45 * page.width, 0.45 * page.height)
    if side < 4.5 * height:
        return
    x = press.between(page.left, page.right - side)
    y = press.between(page.top, page.bottom - side)
    degrees = press.rng.normal(0, 12) if press.chance(0.7) else press.between(-180, 180)
    with turned(press, Box(x, y, x + side, y + side), float(degrees)) as box:
        if press.chance(0.45):
            seal(press, box, height, color)
        else:
            _framed(press, box, height, color)


def _framed(press: Press, box: Box, height: float, color: int) -> None:
    """One to three centered lines in a rectangle, or without one."""
    import skia

    face = press.faces.body(press.rng, pick(press.rng, ("text", "mono", "display")), height)
    setting = Setting(face, leading=1.15, align="center", color=color)
    inner, y = box.inset(0.4 * height), box.top + 0.4 * height
    for _ in range(press.count(1, 3)):
        if y + face.height > inner.bottom:
            break
        short = press.writing.number if press.chance(0.4) else press.writing.heading
        y = phrase(press, inner.below(y), setting, short(press.rng)[:18]) + 0.15 * height
    if press.chance(0.8):
        paint = skia.Paint(AntiAlias=True, Color=color, StrokeWidth=press.between(1, 0.15 * height))
        paint.setStyle(skia.Paint.kStroke_Style)
        rect = skia.Rect(*box.above(y + 0.25 * height))
        corner = press.between(0, height) if press.chance(0.4) else 0.0
        press.sheet.canvas.drawRoundRect(rect, corner, corner, paint)


def seal(press: Press, box: Box, height: float, color: int) -> None:
    """A ring of text around a circle, with a line or two in the middle."""
    import skia

    canvas, rng = press.sheet.canvas, press.rng
    x, y, outer = box.width / 2, box.height / 2, box.width / 2 - 2
    paint = skia.Paint(AntiAlias=True, Color=color, StrokeWidth=press.between(1, 3))
    paint.setStyle(skia.Paint.kStroke_Style)
    canvas.drawCircle(x, y, outer, paint)
    face = press.faces.body(rng, "text", height)
    inner = outer - face.height * 1.35
    if press.chance(0.6):
        canvas.drawCircle(x, y, inner, paint)
    text = press.writing.heading(rng, 40).upper()
    run = face.run(text, press.between(0, 0.15) * height)
    radius = inner + face.descent + 0.1 * face.height
    most = 1.75 * math.pi * radius
    while run.width > most and len(run.text) > 3:
        run = run.part(0, int(len(run.text) * most / run.width * 0.98))
    start = -math.pi / 2 - run.width / radius / 2
    press.sheet.new_block()
    press.sheet.write_along(face, run, circle((x, y), radius, start), color=color)
    room = 1.5 * inner
    setting = Setting(face, leading=1.0, align="center", color=color)
    if room > 3 * height and press.chance(0.8):
        middle = Box(x - room / 2, y - 0.5 * face.height, x + room / 2, y + 0.6 * face.height)
        phrase(press, middle, setting, press.writing.number(rng))


def circle(middle: tuple[float, float], radius: float, start: float):
    """A baseline along a circle, clockwise, letters on its outside.

    Args:
        start: Angle of its start, clockwise from the right in radians.
    """

    def curve(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        angles = start + at / radius
        points = np.array(middle) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return points, angles + math.pi / 2

    return curve
