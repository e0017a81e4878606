"""Tables, with and without rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import phrase, set_line
from isotrope.data.synthetic.pages.press import Press, Setting
from isotrope.data.synthetic.pages.rules import panel, rule


def table(press: Press, box: Box, setting: Setting, rows: int | None = None) -> float:
    """Set a table from the top of a box, and return where it ends.

    Args:
        rows: How many at the most; by default a draw.
    """
    small = replace(setting.sized(press.between(0.75, 1.0)), gap=0.0, indent=0.0)
    if small.face.kind == "hand":
        small = replace(small, unrest=min(small.unrest, 0.02))
    face = small.face
    columns = min(press.count(2, 8), int(box.width / (3.2 * face.height)))
    if columns < 2:
        return box.top
    pad = press.between(0.25, 0.8) * face.height
    shares = press.rng.uniform(0.5, 1.6, columns)
    shares[0] *= press.between(1, 2)
    edges = box.left + np.concatenate([[0], np.cumsum(shares / shares.sum())]) * box.width
    numeric = [i > 0 and press.chance(0.6) for i in range(columns)]
    aligns = [
        pick(press.rng, ("right", "center", "left")) if number else "left" for number in numeric
    ]
    wraps = press.chance(0.2)
    filled = press.chance(0.12) and not wraps
    y, levels = box.top, [box.top]
    line = (1.0 if press.chance(0.6) else press.between(1.0, 1.7)) * face.height
    for row in range(rows or press.count(2, 30)):
        if y + line + 2 * pad > box.bottom:
            break
        bottom = y + line + pad
        setting = small
        if row == 0 and filled:
            color = panel(press, Box(box.left, y, box.right, bottom))
            setting = replace(small, color=color)
        for i in range(columns):
            if row and press.chance(0.08):
                continue
            cell = Box(edges[i] + pad / 2, y + pad / 2, edges[i + 1] - pad / 2, box.bottom)
            head = row == 0
            end = _cell(press, cell, setting, head, numeric[i], aligns[i], wraps and i == 0)
            bottom = max(bottom, end + pad / 2)
        y = bottom
        levels.append(y)
    if len(levels) > 1:
        _rules(press, edges, np.array(levels), face.height)
    return y


def _cell(
    press: Press, cell: Box, setting: Setting, head: bool, number: bool, align: str, wraps: bool
) -> float:
    """Set a cell and return where it ends."""
    if number and not head:
        text = press.writing.number(press.rng)
    else:
        text = press.writing.phrase(press.rng, 2, 60 if wraps else 30)
    setting = replace(setting, align="center" if head else align)
    if wraps:
        return phrase(press, cell, setting, text)
    press.sheet.new_block()
    run = setting.face.run(text)
    fits = int(np.searchsorted(np.cumsum(run.advances), cell.width, side="right"))
    if fits < len(run.text):
        cut = run.text.rfind(" ", 0, fits + 1)
        run = run.part(0, cut if cut > 0 else fits)
    bottom = cell.top + setting.face.height
    set_line(press, cell._replace(bottom=bottom), setting, run)
    return bottom


def _rules(press: Press, edges: np.ndarray, levels: np.ndarray, height: float) -> None:
    """Draw no rules, a few level ones, all level ones, upright ones, or a grid."""
    style = pick(press.rng, ("none", "none", "head", "head", "level", "upright", "grid", "grid"))
    width, color = (
        press.between(0.6, 0.08 * height + 0.7),
        0xFF000000 | 0x010101 * press.count(0, 120),
    )
    left, right, top, bottom = edges[0], edges[-1], levels[0], levels[-1]
    if style == "head":
        for y in (levels[0], levels[min(1, len(levels) - 1)], levels[-1]):
            rule(press, (left, y), (right, y), width, color)
    if style in ("level", "grid"):
        for y in levels:
            rule(press, (left, y), (right, y), width, color)
    if style in ("upright", "grid"):
        for x in edges:
            rule(press, (x, top), (x, bottom), width, color)
