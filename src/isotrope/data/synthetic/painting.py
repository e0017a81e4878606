"""Rasterize outlines: how much of each pixel the text and its neighbors cover."""

from __future__ import annotations

import numpy as np

_LEAST_STROKE = 1.0  # pixels


def coverage(line, around, size: tuple[int, int], stem: float, bolder: float = 0.0) -> np.ndarray:
    """Coverage of each pixel by the text and by the text around it, `(2, H, W)` uint8.

    Strokes under a pixel are thickened; else degraded images would be unreadable.

    Args:
        line: the text, a skia.Path in pixels.
        around: the text around it, also a skia.Path, or None.
        size: `(W, H)`.
        stem: stroke thickness in pixels.
        bolder: pixels by which strokes are thickened.
    """
    import skia

    paints = []
    stroke = max(bolder, _LEAST_STROKE - stem)
    for path, color in ((line, skia.ColorRED), (around, skia.ColorGREEN)):
        if path is None or path.isEmpty():
            continue
        paint = skia.Paint(AntiAlias=True, Color=color, BlendMode=skia.BlendMode.kPlus)
        if stroke > 0:
            paint.setStyle(skia.Paint.kStrokeAndFill_Style)
            paint.setStrokeWidth(stroke)
        paints.append((path, paint))
    return _painted(paints, size)


def hollow(line, size: tuple[int, int], stroke: float) -> np.ndarray:
    """Coverage of each pixel by the outlines of letters: `(H, W)` uint8.

    `stroke`: the width of the outline in pixels.
    """
    import skia

    style = skia.Paint.kStroke_Style
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorRED, Style=style, StrokeWidth=stroke)
    return _painted([(line, paint)], size)[0]


def _painted(paints: list, size: tuple[int, int]) -> np.ndarray:
    """How much of each pixel is covered by what is painted red and green, `(2, H, W)` uint8."""
    import skia

    width, height = size
    pixels = np.zeros((height, width, 4), np.uint8)
    # Only premultiplied colors are the covered share; others are full wherever anything is painted.
    how = {"colorType": skia.kRGBA_8888_ColorType, "alphaType": skia.kPremul_AlphaType}
    surface = skia.Surface(pixels, **how)
    for path, paint in paints:
        surface.getCanvas().drawPath(path, paint)
    surface.flushAndSubmit()
    return np.ascontiguousarray(pixels[..., :2].transpose(2, 0, 1))
