"""Pages of several blocks: each turned its own way, two pages side by side, pages on their side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.books import illustration, listing, title
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.forms import boxes, fields
from isotrope.data.synthetic.pages.paragraphs import flow, phrase
from isotrope.data.synthetic.pages.pictures import paste, picture
from isotrope.data.synthetic.pages.press import Press, Setting, draw_setting
from isotrope.data.synthetic.pages.rules import panel, rule
from isotrope.data.synthetic.pages.sheet import BLACK
from isotrope.data.synthetic.pages.tables import table
from isotrope.data.synthetic.pages.turning import draw_turn, turned

Layout = Callable[[Press, Box, float], None]
_KINDS = ("text", "text", "text", "mono", "hand", "hand", "fraktur", "display")


def mosaic(press: Press, page: Box, height: float) -> None:
    """Set two to seven blocks, each with its own type and turned its own way."""
    gap = press.between(0.6, 2) * height
    same = press.chance(0.4)  # all blocks upright, but for one or two
    for cell in _split(press, page.inset(1.2 * height), press.count(1, 6), 5 * height, gap):
        degrees = draw_turn(press)
        if same and press.chance(0.6):
            degrees = 0.0
        with turned(press, cell, degrees) as box:
            block(press, box, height * press.between(0.75, 1.3))


def block(press: Press, box: Box, height: float) -> None:
    """Set a block of any kind in a box."""
    setting = draw_setting(press, pick(press.rng, _KINDS), float(np.clip(height, 12, 42)))
    if press.chance(0.1):
        setting = replace(setting, color=panel(press, box))
        box = box.inset(0.6 * height)
    draw = press.rng.random()
    if draw < 0.12:
        phrase(press, box, setting, press.writing.heading(press.rng), "center")
    elif draw < 0.24:
        table(press, box, setting)
    elif draw < 0.32:
        picture(press, box)
    elif draw < 0.4:
        illustration(press, box, setting)
    elif draw < 0.5:
        listing(press, box, setting)
    elif draw < 0.56:
        pick(press.rng, (fields, boxes))(press, box, setting, setting, 0.6)
    else:
        y = title(press, box, setting, small=True) if press.chance(0.3) else box.top
        end = box.bottom if press.chance(0.6) else y + press.between(0.2, 1) * (box.bottom - y)
        texts = press.writing.paragraphs(press.rng, setting.face.kind == "fraktur")
        flow(press, box.below(y).above(end), setting, texts)


def _split(press: Press, box: Box, cuts: int, least: float, gap: float) -> list[Box]:
    """Cut a box along its longer side, again and again."""
    cells = [box]
    for _ in range(cuts):
        cells.sort(key=lambda cell: -cell.width * cell.height)
        cell = cells.pop(0)
        share, half = press.between(0.3, 0.7), gap / 2
        if cell.width > cell.height * press.between(0.6, 1.6):
            x = cell.left + share * cell.width
            parts = [cell._replace(right=x - half), cell._replace(left=x + half)]
        else:
            y = cell.top + share * cell.height
            parts = [cell.above(y - half), cell.below(y + half)]
        if any(min(part.width, part.height) < least for part in parts):
            cells.append(cell)
            break
        cells += parts
    return sorted(cells, key=lambda cell: (cell.top, cell.left))


def spread(press: Press, page: Box, height: float, layouts: Sequence[Layout]) -> None:
    """Set two pages side by side, with a dark fold between them or a gap."""
    layout = pick(press.rng, layouts)
    halves = page.columns(2, 0.0)
    for half in halves:
        if press.chance(0.15):
            layout = pick(press.rng, layouts)
        turn = 90.0 * press.count(0, 3) if press.chance(0.12) else float(press.rng.normal(0, 0.4))
        with turned(press, half, turn) as box:
            layout(press, box, height)
    if press.chance(0.7):
        _fold(press, page)


def _fold(press: Press, page: Box) -> None:
    """Shade the fold in the middle of a spread."""
    import skia

    middle, reach = (page.left + page.right) / 2, press.between(0.01, 0.06) * page.width
    dark = skia.ColorSetARGB(press.count(30, 200), 0, 0, 0)
    shader = skia.GradientShader.MakeLinear(
        [skia.Point(middle - reach, 0), skia.Point(middle + reach, 0)],
        [skia.ColorTRANSPARENT, dark, skia.ColorTRANSPARENT],
    )
    rect = skia.Rect(middle - reach, page.top, middle + reach, page.bottom)
    press.sheet.canvas.drawRect(rect, skia.Paint(Shader=shader))


def sideways(press: Press, page: Box, height: float, layouts: Sequence[Layout]) -> None:
    """Set a page on its side, and sometimes a head or a page number across it."""
    turn = pick(press.rng, (90.0, 270.0, 180.0))
    upright = page
    if turn != 180 and press.chance(0.4):
        setting = draw_setting(press, "text", height)
        line = page.inset(0.1 * page.width, 0.5 * height)
        align = pick(press.rng, ("center", "right", "left"))
        line = line.above(line.top + 1.2 * height)
        phrase(press, line, setting, press.writing.folio(press.rng), align)
        upright = page.below(page.top + 1.5 * height)
    with turned(press, upright, turn) as box:
        pick(press.rng, layouts)(press, box, height)


def ledger(press: Press, page: Box, height: float) -> None:
    """Set a table over the whole page, of print or handwriting, under a title or not."""
    kind = pick(press.rng, ("text", "text", "hand", "hand", "mono"))
    setting = draw_setting(press, kind, height)
    box = press.inset(page, (0.02, 0.07), (0.02, 0.07))
    y = title(press, box, setting) if press.chance(0.6) else box.top
    while y + 5 * height < box.bottom:
        y = table(press, box.below(y), setting, press.count(8, 90)) + 1.5 * height
        if press.chance(0.3) and y + 5 * height < box.bottom:
            texts = press.writing.paragraphs(press.rng)
            y = flow(press, box.below(y), setting, texts, press.count(1, 4)) + height
        elif press.chance(0.5):
            return


def receipt(press: Press, page: Box, height: float) -> None:
    """Set a till receipt: a head, items with prices, totals."""
    setting = draw_setting(press, "mono" if press.chance(0.7) else "text", height)
    setting = replace(setting, leading=min(setting.leading, 1.3), align="left", indent=0.0)
    box = press.inset(page, (0.03, 0.1), (0.02, 0.05))
    y, face, writing, rng = box.top, setting.face, press.writing, press.rng
    for _ in range(press.count(1, 5)):
        y = phrase(press, box.below(y), setting, writing.entry(rng, 28), "center")
        y += setting.pitch - face.height
    while y + 3 * face.height < box.bottom:
        draw = rng.random()
        if draw < 0.75:
            name, price = face.run(writing.phrase(rng, 3, 20)), face.run(writing.number(rng)[:9])
            if name.width + price.width + 1.5 * face.height < box.width:
                for run, x in ((name, box.left), (price, box.right - price.width)):
                    press.sheet.new_block()
                    press.sheet.write(face, run, x, y + face.ascent, color=setting.color)
            y += setting.pitch
        elif draw < 0.85:
            middle = y + 0.6 * face.ascent
            rule(press, (box.left, middle), (box.right, middle), 1.5, setting.color, (5, 4))
            y += setting.pitch
        else:
            y = phrase(press, box.below(y), setting, writing.entry(rng, 30), "center") + 4


def poster(press: Press, page: Box, height: float) -> None:
    """Set a title page: a few centered lines of all sizes, rules and a picture."""
    box, color = press.inset(page, (0.05, 0.15), (0.05, 0.15)), BLACK
    if press.chance(0.25):
        color = panel(press, page)
    elif press.chance(0.15):
        paste(press, page, 255 * press.rng.uniform(0.4, 1.0, (9, 6, 3)))
    y = box.top
    kind = pick(press.rng, _KINDS)
    while y + 3 * height < box.bottom:
        size = float(np.clip(height * np.exp(press.rng.normal(0.2, 0.5)), 12, 80))
        face = press.faces.body(
            press.rng, kind if press.chance(0.7) else pick(press.rng, _KINDS), size
        )
        spacing = press.between(0, 0.25) * size if press.chance(0.3) else 0.0
        large = Setting(
            face, leading=press.between(1, 1.3), align="center", spacing=spacing, color=color
        )
        y = phrase(press, box.below(y), large, press.writing.heading(press.rng, 36))
        y += press.rng.exponential(0.05) * box.height + 0.4 * size
        if press.chance(0.12) and box.bottom - y > 10 * height:
            end = y + press.between(0.2, 0.6) * (box.bottom - y)
            picture(press, box.below(y).above(end).inset(0.15 * box.width, 0))
            y = end + height


def wordless(press: Press, page: Box, height: float) -> None:
    """A blank page, or one of pictures alone."""
    if press.chance(0.3):
        return
    if press.chance(0.5):
        colors = press.rng.uniform(0, 255, (12, 9, 3))
        paste(press, page, colors)
    for _ in range(press.count(1, 5)):
        x, y = (
            press.between(page.left, 0.7 * page.right),
            press.between(page.top, 0.7 * page.bottom),
        )
        size = press.rng.uniform(0.15, 0.6, 2) * (page.width, page.height)
        area = Box(x, y, min(x + size[0], page.right), min(y + size[1], page.bottom))
        picture(press, area)
