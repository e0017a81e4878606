"""Ledgers and till receipts: pages of columns of words and numbers."""

from __future__ import annotations

from dataclasses import replace

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.books import title
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import flow, phrase
from isotrope.data.synthetic.pages.press import Press, draw_setting
from isotrope.data.synthetic.pages.rules import rule
from isotrope.data.synthetic.pages.tables import table


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
