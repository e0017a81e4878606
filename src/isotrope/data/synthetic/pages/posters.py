"""Title pages, and pages without a word."""

from __future__ import annotations

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import phrase
from isotrope.data.synthetic.pages.pictures import paste, picture
from isotrope.data.synthetic.pages.press import Press, Setting
from isotrope.data.synthetic.pages.rules import panel
from isotrope.data.synthetic.pages.sheet import BLACK

_KINDS = ("text", "text", "text", "mono", "hand", "hand", "fraktur", "display")


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
