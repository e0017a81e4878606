"""Pages of running text: books, articles, newspapers, in one to four columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.furniture import (
    footer,
    footnotes,
    header,
    marginalia,
)
from isotrope.data.synthetic.pages.paragraphs import flow, phrase
from isotrope.data.synthetic.pages.pictures import picture
from isotrope.data.synthetic.pages.press import Press, Setting, draw_setting
from isotrope.data.synthetic.pages.rules import level, rule
from isotrope.data.synthetic.pages.tables import table


def book(press: Press, page: Box, height: float) -> None:
    """Set a page of a book, with or without a head, notes, a chapter's title, or marginalia."""
    setting = draw_setting(press, _kind(press), height)
    margin = press.between(0.05, 0.13) * page.width
    box = page.inset(margin, press.between(0.03, 0.09) * page.height)
    if press.chance(0.15):
        wide = press.between(0.12, 0.2) * page.width
        left = press.chance(0.5)
        box = box._replace(left=box.left + wide) if left else box._replace(right=box.right - wide)
        side = page.left + 0.3 * margin if left else box.right + 0.3 * margin
        notes = Box(side, box.top + 2 * height, side + wide + 0.3 * margin, box.bottom)
        _framed(press, page, box, setting)
        marginalia(press, notes, setting)
    else:
        _framed(press, page, box, setting)


def _framed(press: Press, page: Box, box: Box, setting: Setting) -> None:
    foot = Box(
        box.left,
        box.bottom,
        box.right,
        min(box.bottom + 2.5 * setting.face.height, page.bottom - 2),
    )
    if press.chance(0.7):
        box = box.below(header(press, box, setting))
    if press.chance(0.35):
        box = box.below(title(press, box, setting))
    bottom = footnotes(press, box, setting) if press.chance(0.15) else box.bottom
    box = box.above(bottom)
    if press.chance(0.12):  # the end of a chapter
        box = box.above(box.top + press.between(0.2, 0.9) * box.height)
    setting = replace(setting, initial=press.chance(0.12))
    text = press.writing.paragraphs(press.rng, setting.face.kind == "fraktur")
    column(press, box, setting, text)
    if press.chance(0.4):
        footer(press, foot, setting)


def columns(press: Press, page: Box, height: float) -> None:
    """Set two to four columns under headings that cross them all or some."""
    setting = draw_setting(press, _kind(press), height)
    setting = replace(setting, leading=min(setting.leading, 1.35))
    box = press.inset(page, (0.03, 0.08), (0.02, 0.07))
    if press.chance(0.6):
        box = box.below(header(press, box, setting))
    foot = box.below(box.bottom - 1.2 * height)
    if press.chance(0.4):
        footer(press, foot, setting)
        box = box.above(foot.top - 0.5 * height)
    if press.chance(0.65):
        box = box.below(title(press, box, setting))
    for part in _parts(press, box, height):
        most = min(int(part.width / (7 * height)), 4)
        count = press.count(2, most) if most >= 2 else 1
        across = part
        if part.top > box.top and press.chance(0.7):
            across = part.below(title(press, part, setting, small=True))
        gap = press.between(0.6, 1.8) * height
        texts = press.writing.paragraphs(press.rng, setting.face.kind == "fraktur")
        ruled = press.chance(0.35)
        boxes = across.columns(count, gap)
        even = press.chance(0.85)
        for i, each in enumerate(boxes):
            if ruled and i:
                x = each.left - gap / 2
                rule(press, (x, each.top), (x, each.bottom), press.between(0.6, 1.5))
            end = each.bottom if even else each.top + press.between(0.4, 1) * each.height
            column(press, each.above(end), setting, texts)


def _parts(press: Press, box: Box, height: float) -> list[Box]:
    """The page as one part, or two or three below one another, such as articles."""
    count = press.count(1, 3) if press.chance(0.4) and box.height > 30 * height else 1
    return box.rows(count, 1.5 * height)


def title(press: Press, box: Box, setting: Setting, small: bool = False) -> float:
    """Set a heading of one to three texts across a box; returns where the text may begin."""
    height = setting.face.height
    scale = press.between(1.0, 1.5) if small else press.between(1.2, 2.6)
    face = press.faces.strong(press.rng, setting.face, min(scale * height, 60))
    align = pick(press.rng, ("center", "center", "left"))
    spacing = press.between(0.05, 0.3) * face.height if press.chance(0.12) else 0.0
    large = Setting(face, leading=1.1, align=align, spacing=spacing, color=setting.color)
    y = box.top + press.between(0, 1.5) * height
    end = box.above(box.top + 0.4 * box.height)
    y = phrase(press, end.below(y), large, press.writing.heading(press.rng, 60))
    for _ in range(press.count(0, 0 if small else 2)):
        other = replace(setting.sized(press.between(0.9, 1.2)), align=align, unrest=0.0)
        y += press.between(0.2, 0.9) * height
        y = phrase(press, end.below(y), other, press.writing.heading(press.rng, 45))
    if press.chance(0.25):
        y += 0.5 * height
        level(press, box, y)
    return y + press.between(0.4, 1.4) * height


def column(press: Press, box: Box, setting: Setting, texts: Iterator[str]) -> None:
    """Fill a column with text, and sometimes with pictures, tables, headings or lists."""
    y, height = box.top, setting.face.height
    while y + 2 * height < box.bottom:
        lines = press.count(4, 40)
        end = flow(press, box.below(y), setting, texts, lines)
        if end <= y:
            return
        y = end + (setting.leading - 1) * height
        room = box.bottom - y
        draw = press.rng.random()
        if room < 8 * height:
            y = flow(press, box.below(y), setting, texts)
            return
        if draw < 0.15:
            part = box.below(y + 0.5 * height).above(y + press.between(0.15, 0.8) * room)
            y = illustration(press, part, setting)
        elif draw < 0.25:
            part = box.below(y + 0.6 * height).above(y + press.between(0.3, 0.9) * room)
            y = table(press, part, setting) + 0.8 * height
        elif draw < 0.45:
            size = press.faces.strong(press.rng, setting.face, press.between(0.95, 1.3) * height)
            small = Setting(
                size, leading=1.1, align=pick(press.rng, ("center", "left")), color=setting.color
            )
            y += press.between(0.3, 1.0) * height
            y = phrase(press, box.below(y), small, press.writing.heading(press.rng, 30))
            y += press.between(0.2, 0.7) * height
        elif draw < 0.6:
            y = listing(press, box.below(y + 0.3 * height), setting) + 0.4 * height


def illustration(press: Press, box: Box, setting: Setting) -> float:
    """Draw a picture with or without a caption; returns where it ends."""
    narrow = press.between(0, 0.2) * box.width if press.chance(0.5) else 0.0
    area = box.inset(narrow, 0)
    small = replace(setting.sized(press.between(0.75, 1.0)), align="center", leading=1.05)
    if press.chance(0.6):
        bottom = area.bottom - 2.6 * small.face.height
        picture(press, area.above(bottom))
        text = press.writing.phrase(press.rng, 10, 70)
        text = f"Fig. {press.count(1, 40)}. {text}" if press.chance(0.6) else text
        return phrase(press, box.below(bottom + 0.4 * small.face.height), small, text) + small.pitch
    picture(press, area)
    return area.bottom + 0.6 * setting.face.height


def listing(press: Press, box: Box, setting: Setting) -> float:
    """Set a list: numbered, with bullets, or a table of contents with leaders."""
    face, y = setting.face, box.top
    inner = box._replace(left=box.left + press.between(0, 1.5) * face.height)
    kind = pick(press.rng, ("number", "bullet", "leader"))
    mark = pick(press.rng, ("•", "-", "–", "*", "·", "□"))
    for i in range(press.count(2, 9)):
        if y + face.height > box.bottom:
            break
        text = press.writing.phrase(press.rng, 8, 70)
        if kind == "leader":
            y = _leader(press, inner.below(y), setting, text)
            continue
        text = f"{i + 1}. {text}" if kind == "number" else f"{mark} {text}"
        y = phrase(press, inner.below(y), setting, text, "left") + setting.pitch - face.height
    return y


def _leader(press: Press, box: Box, setting: Setting, text: str) -> float:
    face = setting.face
    number = " " + str(press.count(1, 400))
    run = face.run(text[:30] + " ")
    dot = face.run("." if press.chance(0.8) else " .")
    tail = face.run(number)
    count = int((box.width - run.width - tail.width) / max(dot.width, 1))
    line = face.run(text[:30] + " " + dot.text * max(count, 3) + number)
    press.sheet.new_block()
    if line.width <= box.width + 1:
        press.sheet.write(face, line, box.left, box.top + face.ascent, color=setting.color)
    return box.top + setting.pitch


def _kind(press: Press) -> str:
    draw = press.rng.random()
    return "text" if draw < 0.78 else "fraktur" if draw < 0.93 else "mono"
