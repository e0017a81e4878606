"""Pages of several blocks, each set in its own type and turned its own way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.books import illustration, listing, title
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.forms import boxes, fields
from isotrope.data.synthetic.pages.paragraphs import flow, phrase
from isotrope.data.synthetic.pages.pictures import picture
from isotrope.data.synthetic.pages.press import Press, draw_setting
from isotrope.data.synthetic.pages.rules import panel
from isotrope.data.synthetic.pages.tables import table
from isotrope.data.synthetic.pages.turning import draw_turn, turned

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
