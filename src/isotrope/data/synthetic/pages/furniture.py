"""What stands around the text of a page: rules, headers, footers, page numbers, marginalia."""

from __future__ import annotations

from dataclasses import replace

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import flow, phrase, set_line
from isotrope.data.synthetic.pages.press import Press, Setting
from isotrope.data.synthetic.pages.rules import level, rule


def header(press: Press, box: Box, setting: Setting) -> float:
    """Set a running head and a page number at the top of a box; returns where the text begins."""
    size = replace(setting.sized(press.between(0.8, 1.05)), unrest=0.0)
    face, writing, rng = size.face, press.writing, press.rng
    top = Box(box.left, box.top, box.right, box.top + face.height)
    draw = rng.random()
    if draw < 0.3:
        press.sheet.new_block()
        set_line(press, top, replace(size, align="center"), face.run(writing.folio(rng)))
    else:
        press.sheet.new_block()
        title = face.run(writing.heading(rng, 32), press.between(0, 0.1) * face.height)
        if title.width > 0.7 * top.width:
            title = title.part(0, max(int(0.6 * len(title.text)), 1))
        align = "center" if draw < 0.7 else pick(rng, ("left", "right"))
        set_line(press, top, replace(size, align=align), title)
        if draw < 0.9:
            press.sheet.new_block()
            side = {"left": "right", "right": "left"}.get(align) or pick(rng, ("left", "right"))
            set_line(press, top, replace(size, align=side), face.run(writing.folio(rng)))
    y = top.bottom
    if press.chance(0.3):
        y += press.between(0.1, 0.4) * face.height
        level(press, box, y)
    return y + press.between(0.4, 1.6) * setting.face.height


def footer(press: Press, box: Box, setting: Setting) -> None:
    """Set a page number, a signature or a line of small print at the bottom of a box."""
    size = replace(setting.sized(press.between(0.75, 1.0)), unrest=0.0)
    face, rng = size.face, press.rng
    line = Box(box.left, box.bottom - face.height, box.right, box.bottom)
    press.sheet.new_block()
    if press.chance(0.12):  # the first word of the next page
        word = press.writing.phrase(rng, 4, 14)
        set_line(press, line, replace(size, align="right"), face.run(word))
    elif press.chance(0.7):
        align = pick(rng, ("center", "center", "left", "right"))
        set_line(press, line, replace(size, align=align), face.run(press.writing.folio(rng)))
    else:
        if press.chance(0.5):
            level(press, line, line.top - 0.3 * face.height)
        text = press.writing.phrase(rng, 10, 60)
        phrase(press, line, replace(size, align=pick(rng, ("left", "center"))), text)


def footnotes(press: Press, box: Box, setting: Setting) -> float:
    """Set notes at the bottom of a box, and return the level above which the text must end."""
    small = replace(setting.sized(press.between(0.72, 0.88)), leading=min(setting.leading, 1.15))
    lines = press.count(1, 5)
    top = box.bottom - ((lines - 1) * small.leading + 1.05) * small.face.height
    if top < box.top + 4 * setting.pitch:
        return box.bottom
    if press.chance(0.6):
        rule(press, (box.left, top - 4), (box.left + press.between(0.15, 1) * box.width, top - 4))
    number = press.count(1, 20)
    texts = (f"{number + i}) {text}" for i, text in enumerate(press.writing.paragraphs(press.rng)))
    flow(press, box.below(top), replace(small, gap=0.0), texts, lines)
    return top - 0.8 * setting.face.height


def marginalia(press: Press, box: Box, setting: Setting, most: int = 5) -> None:
    """Set notes in a margin: small print, handwriting, or line numbers."""
    size = setting.sized(press.between(0.65, 0.9))
    height = size.face.height
    if press.chance(0.25) and setting.face.kind != "hand":
        hand = press.faces.body(press.rng, "hand", press.between(0.9, 1.4) * height)
        size = Setting(hand, leading=1.0, align="left", color=setting.color, unrest=0.04)
    if box.width < 2.5 * size.face.height:
        return
    if press.chance(0.2):
        size = replace(size, align="right", unrest=0.0)
        for i, y in enumerate(_levels(box, 5 * setting.pitch)):
            press.sheet.new_block()
            line = Box(box.left, y, box.right, y + size.face.height)
            set_line(press, line, size, size.face.run(str(5 * (i + 1))))
        return
    y = box.top
    for _ in range(press.count(1, most)):
        y += press.rng.exponential(0.2) * box.height
        if y + 2 * height > box.bottom:
            return
        texts = press.writing.paragraphs(press.rng)
        size = replace(size, align="left", indent=0.0, gap=0.0)
        y = flow(press, box.below(y), size, texts, press.count(1, 6)) + height


def _levels(box: Box, step: float) -> list[float]:
    count = int((box.height - step) / step)
    return [box.top + step * (i + 1) for i in range(max(count, 0))]
