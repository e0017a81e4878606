"""Letters and notes, by hand or typewriter: address, date, text, signature, stamps, ruled paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import flow, phrase
from isotrope.data.synthetic.pages.press import Press, Setting, draw_setting
from isotrope.data.synthetic.pages.rules import level, rule
from isotrope.data.synthetic.pages.stamps import stamp
from isotrope.data.synthetic.pages.turning import turned


def letter(press: Press, page: Box, height: float) -> None:
    """Set a letter or a page of notes."""
    draw = press.rng.random()
    kind = "hand" if draw < 0.6 else "mono" if draw < 0.9 else "text"
    setting = draw_setting(press, kind, height * (1.25 if kind == "hand" else 1.0))
    left, right = press.between(0.05, 0.2), press.between(0.03, 0.1)
    box = Box(
        page.left + left * page.width,
        page.top + press.between(0.03, 0.1) * page.height,
        page.right - right * page.width,
        page.bottom - press.between(0.03, 0.12) * page.height,
    )
    if kind == "hand" and press.chance(0.3):
        _ruled_paper(press, page, setting)
    if press.chance(0.7):
        box = box.below(_opening(press, box, setting))
    texts = press.writing.paragraphs(press.rng)
    short = press.chance(0.3)
    end = box.bottom if not short else box.top + press.between(0.2, 0.8) * box.height
    y = flow(press, box.above(end), setting, texts)
    if short and box.bottom - y > 6 * height:
        _closing(press, box.below(y + height), setting)
    if left > 0.1 and press.chance(0.3):
        margin = Box(page.left + 4, box.top, box.left - 0.5 * height, box.bottom)
        _beside(press, margin, setting)
    if press.chance(0.3):
        for _ in range(press.count(1, 2)):
            stamp(press, page, height)


def _opening(press: Press, box: Box, setting: Setting) -> float:
    """A letterhead, the place and the date, an address and a salutation, or some of them."""
    writing, rng, height = press.writing, press.rng, setting.face.height
    y = box.top
    if press.chance(0.35):
        head = draw_setting(press, "text", height * press.between(0.7, 1.0))
        strong = Setting(
            press.faces.strong(rng, head.face, height * press.between(1, 1.6)), align="center"
        )
        y = phrase(press, box, strong, writing.heading(rng, 30))
        for _ in range(press.count(0, 3)):
            text = f"{writing.label(rng)} {writing.number(rng)}"
            y = phrase(press, box.below(y + 0.2 * height), head, text, "center")
        if press.chance(0.5):
            y += 0.5 * height
            level(press, box, y)
        y += press.between(0.5, 2) * height
    if press.chance(0.7):
        text = f"{writing.phrase(rng, 4, 12)}, {writing.number(rng)}"
        y = phrase(press, box.below(y), setting, text, "right") + press.between(0.3, 2) * height
    if press.chance(0.5):
        for _ in range(press.count(2, 4)):
            text = writing.phrase(rng, 6, 24)
            y = phrase(press, box.below(y), setting, text, "left") + setting.pitch - height
        y += press.between(0.5, 2) * height
    if press.chance(0.7):
        text = writing.phrase(rng, 6, 24) + ","
        y = phrase(press, box.below(y), setting, text, "left") + press.between(0.3, 1.5) * height
    return y


def _closing(press: Press, box: Box, setting: Setting) -> None:
    """A greeting to the right of the middle, and a signature."""
    shifted = box._replace(left=box.left + press.between(0.2, 0.6) * box.width)
    text = press.writing.phrase(press.rng, 8, 26)
    y = phrase(press, shifted, setting, text, "left")
    height = setting.face.height
    signature(press, shifted.below(y + 0.3 * height).above(y + 3 * height), setting.color)


def signature(press: Press, box: Box, color: int) -> None:
    """Scribble a name that nobody can read; it is left out of training."""
    import skia

    width = min(press.between(4, 9) * box.height / 2, box.width)
    xs = np.linspace(0.05, 0.95, press.count(5, 12)) * width + box.left
    ys = press.rng.uniform(0.1, 0.9, len(xs)) * box.height + box.top
    path = skia.Path()
    path.moveTo(xs[0], ys[0])
    for i in range(1, len(xs)):
        bend = press.rng.normal(0, 0.06 * width, 4) * 0.7
        path.cubicTo(
            *(xs[i - 1] + bend[0], ys[i - 1] + bend[1], xs[i] + bend[2], ys[i] + bend[3]),
            *(xs[i], ys[i]),
        )
    paint = skia.Paint(AntiAlias=True, Color=color, StrokeWidth=press.between(1, 2.5))
    paint.setStyle(skia.Paint.kStroke_Style)
    press.sheet.canvas.drawPath(path, paint)
    bounds = path.computeTightBounds()
    sides = (bounds.left(), bounds.right()), (bounds.top(), bounds.bottom())
    press.sheet.ignore(np.array([[sides[0][i], sides[1][j]] for i, j in _CORNERS]))


_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def _beside(press: Press, margin: Box, setting: Setting) -> None:
    """Lines up or down the margin."""
    small = replace(setting.sized(press.between(0.75, 1.0)), align="left", indent=0.0, gap=0.0)
    with turned(press, margin, 90 if press.chance(0.7) else 270) as box:
        if box.height > 1.2 * small.face.height:
            start = press.between(0, 0.4) * box.width
            texts = press.writing.paragraphs(press.rng)
            flow(press, box._replace(left=start), small, texts, press.count(1, 3))


def _ruled_paper(press: Press, page: Box, setting: Setting) -> None:
    """Lines or squares over the whole paper."""
    color = 0xFF000000 | int(press.rng.choice([0xA0B8E0, 0xC0C0C0, 0xE0B0B0, 0x90B090]))
    pitch = setting.pitch * (1.0 if press.chance(0.7) else 0.5)
    y = page.top + press.between(1, 3) * pitch
    while y < page.bottom:
        rule(press, (page.left, y), (page.right, y), 0.9, color)
        y += pitch
    if press.chance(0.3):
        for x in np.arange(page.left + pitch, page.right, pitch).tolist():
            rule(press, (x, page.top), (x, page.bottom), 0.9, color)
    elif press.chance(0.4):
        x = page.left + press.between(0.06, 0.15) * page.width
        rule(press, (x, page.top), (x, page.bottom), 1.2, 0xFFE09090)
