"""Forms: labels with fields, rules and boxes, empty or filled in by hand or typewriter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.books import title
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import flow, phrase, set_line
from isotrope.data.synthetic.pages.press import Press, Setting, draw_setting, ink
from isotrope.data.synthetic.pages.rules import level, rule
from isotrope.data.synthetic.pages.stamps import stamp
from isotrope.data.synthetic.pages.tables import table


def form(press: Press, page: Box, height: float) -> None:
    """Set a form with a title, sections of fields, check boxes, and small print."""
    setting = replace(draw_setting(press, "text", height), indent=0.0, align="left")
    kind = pick(press.rng, ("hand", "hand", "mono", "text"))
    scale = press.between(1.0, 1.4) if kind == "hand" else press.between(0.9, 1.1)
    filled = draw_setting(press, kind, scale * height)
    filled = replace(filled, color=ink(press, "hand"))
    box = press.inset(page, (0.03, 0.08), (0.02, 0.06))
    y = title(press, box, setting) if press.chance(0.8) else box.top
    share = pick(press.rng, (0.0, 0.7, 0.9))
    while y + 4 * height < box.bottom:
        rest = box.below(y)
        if press.chance(0.6):
            part = pick(press.rng, (fields, fields, fields, boxes))
            y = part(press, rest, setting, filled, share)
        else:
            rest = rest.above(y + press.between(0.2, 0.5) * rest.height)
            y = pick(press.rng, (choices, table, _print))(press, rest, setting)
        y += press.between(0.4, 1.6) * height
        if press.chance(0.2) and y < box.bottom:
            level(press, box, y)
            y += press.between(0.4, 1.2) * height
    if press.chance(0.3):
        stamp(press, page, height)


def fields(press: Press, box: Box, setting: Setting, filled: Setting, share: float) -> float:
    """Rows of one to three labels, each with a rule after it; returns where they end.

    Args:
        filled: How the entries are set.
        share: Of the fields with an entry.
    """
    height = max(setting.face.height, filled.face.height)
    pitch = press.between(1.1, 2.0) * height
    marks = press.chance(0.5)
    y = box.top
    for _ in range(press.count(2, 9)):
        if y + pitch > box.bottom:
            break
        for cell in box.columns(press.count(1, 3), height):
            baseline = y + filled.face.ascent + (height - filled.face.height)
            text = press.writing.label(press.rng) + (":" if marks else "")
            run = setting.face.run(text[:24])
            press.sheet.new_block()
            if run.width > 0.6 * cell.width:
                continue
            press.sheet.write(setting.face, run, cell.left, baseline, color=setting.color)
            start = cell.left + run.width + 0.4 * height
            if press.chance(0.8):
                dash = (1.5, 3.0) if press.chance(0.3) else None
                under = baseline + 0.15 * setting.face.height
                rule(press, (start, under), (cell.right, under), 1.0, setting.color, dash)
            if press.chance(share):
                area = Box(
                    start + 0.3 * height, baseline - filled.face.ascent, cell.right, y + pitch
                )
                _entry(press, area, filled)
        y += pitch
    return y


def boxes(press: Press, box: Box, setting: Setting, filled: Setting, share: float) -> float:
    """A grid of boxes, each with a small label in its corner and an entry below it."""
    import skia

    small = setting.sized(max(0.7, 12 / setting.face.height) if press.chance(0.8) else 1.0)
    tall = small.face.height + filled.face.height * press.between(1.0, 1.4) + 4
    paint = skia.Paint(AntiAlias=True, Color=setting.color, StrokeWidth=press.between(0.7, 2))
    paint.setStyle(skia.Paint.kStroke_Style)
    y = box.top
    for _ in range(press.count(1, 4)):
        if y + tall > box.bottom:
            break
        for cell in box.columns(press.count(1, 4), 0.0):
            cell = Box(cell.left, y, cell.right, y + tall)
            press.sheet.canvas.drawRect(skia.Rect(*cell), paint)
            inner = cell.inset(0.25 * small.face.height, 2)
            label = replace(small, align="left")
            phrase(
                press,
                inner.above(inner.top + 1.1 * small.face.height),
                label,
                press.writing.label(press.rng)[:18],
            )
            if press.chance(share):
                _entry(press, inner.below(inner.top + small.face.height), filled)
        y += tall
    return y


def choices(press: Press, box: Box, setting: Setting) -> float:
    """Check boxes, each with a text."""
    import skia

    face, y = setting.face, box.top
    paint = skia.Paint(AntiAlias=True, Color=setting.color, StrokeWidth=1.2)
    paint.setStyle(skia.Paint.kStroke_Style)
    side = 0.6 * face.ascent
    for _ in range(press.count(2, 6)):
        if y + face.height > box.bottom:
            break
        for cell in box.columns(press.count(1, 3), face.height):
            top = y + face.ascent - side
            square = skia.Rect(cell.left, top, cell.left + side, top + side)
            press.sheet.canvas.drawRect(square, paint)
            if press.chance(0.3):
                press.sheet.canvas.drawLine(cell.left, top, cell.left + side, top + side, paint)
                press.sheet.canvas.drawLine(cell.left, top + side, cell.left + side, top, paint)
            text = cell._replace(left=cell.left + side + 0.5 * face.height, top=y)
            phrase(
                press,
                text.above(y + 1.1 * face.height),
                setting,
                press.writing.phrase(press.rng, 3, 24),
            )
        y += setting.pitch
    return y


def _print(press: Press, box: Box, setting: Setting) -> float:
    """A paragraph of small print."""
    small = setting.sized(press.between(max(0.7, 12 / setting.face.height), 1.0))
    return flow(press, box, small, press.writing.paragraphs(press.rng), press.count(1, 6))


def _entry(press: Press, area: Box, filled: Setting) -> None:
    """Fill in a field, as far as there is room."""
    run = filled.face.run(press.writing.entry(press.rng))
    fits = int(np.searchsorted(np.cumsum(run.advances), area.width, side="right"))
    run = run.part(0, fits)
    if run.text:
        press.sheet.new_block()
        line = Box(area.left, area.top, area.right, area.top + filled.face.height)
        set_line(press, line, replace(filled, align="left"), run)
