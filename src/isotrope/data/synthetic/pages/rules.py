"""Rules, and panels of color behind text."""

from __future__ import annotations

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.press import Press


def rule(
    press: Press,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float = 1.0,
    color: int = 0xFF202020,
    dash: tuple[float, float] | None = None,
) -> None:
    """Draw a straight line, solid or dashed."""
    import skia

    paint = skia.Paint(AntiAlias=True, Color=color, StrokeWidth=max(width, 0.5))
    paint.setStyle(skia.Paint.kStroke_Style)
    if dash is not None:
        paint.setPathEffect(skia.DashPathEffect.Make(list(dash), 0.0))
    press.sheet.canvas.drawLine(*start, *end, paint)


def level(press: Press, box: Box, y: float, color: int = 0xFF202020) -> None:
    """Draw a rule across a box: thin, thick, double, dashed or short."""
    draw, thin = press.rng.random(), press.between(0.6, 1.6)
    left, right = box.left, box.right
    if draw < 0.25:
        short = press.between(0.1, 0.4) * box.width
        middle = (left + right) / 2
        left, right = middle - short, middle + short
    dash = (3 * thin, 3 * thin) if draw > 0.93 else None
    rule(press, (left, y), (right, y), thin * (3 if 0.25 < draw < 0.35 else 1), color, dash)
    if 0.8 < draw < 0.9:
        rule(press, (left, y + 4 * thin), (right, y + 4 * thin), thin, color)


def panel(press: Press, box: Box) -> int:
    """Fill a box, and return the color of text that is legible on it."""
    import skia

    red, green, blue = (int(value) for value in press.rng.integers(0, 256, 3))
    if press.chance(0.6):
        red = green = blue = int(press.rng.integers(0, 245))
    dark = 0.3 * red + 0.6 * green + 0.1 * blue < 130
    press.sheet.canvas.drawRect(
        skia.Rect(*box), skia.Paint(Color=skia.ColorSetRGB(red, green, blue))
    )
    return 0xFFFFFFFF if dark else 0xFF000000
