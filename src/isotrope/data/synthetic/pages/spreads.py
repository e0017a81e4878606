"""Two pages side by side, and pages on their side."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import phrase
from isotrope.data.synthetic.pages.press import Layout, Press, draw_setting
from isotrope.data.synthetic.pages.turning import turned


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
