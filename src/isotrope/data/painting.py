"""Ink on paper: colours, textures, clutter, shadows and strokes, painted by skia."""

from __future__ import annotations

import numpy as np
from PIL import Image

_LUMA = np.array([0.299, 0.587, 0.114])


def paint(
    line,
    size: tuple[int, int],
    unit: float,
    stem: float,
    rng: np.random.Generator,
    difficulty: float,
) -> np.ndarray:
    """An outline, a skia.Path in pixels, as ink on paper: (H, W, 3) uint8.

    `size`: (W, H). `unit`: pixels that a capital is high. `stem`: pixels that a stroke is thick.
    """
    import skia

    width, height = size
    ink, paper, contrast = _colours(rng, difficulty)
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = np.clip(paper, 0, 255), 255
    if difficulty and rng.random() < 0.45 * difficulty:
        _texture(pixels, paper, contrast, rng)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    canvas = surface.getCanvas()
    if difficulty and rng.random() < 0.2 * difficulty:
        _clutter(canvas, size, paper, contrast, rng)
    if difficulty and rng.random() < 0.18 * difficulty:
        _surroundings(canvas, line, size, ink, unit, rng)
    if difficulty and rng.random() < 0.15 * difficulty:
        _shadow(canvas, line, ink, paper, unit, rng)
    _ink(canvas, line, ink, paper, unit, stem, rng, difficulty)
    surface.flushAndSubmit()
    return np.ascontiguousarray(pixels[..., :3])


def _colours(rng, difficulty: float):
    """Ink and paper as (3,) floats in 0-255, and the distance of their luminances.

    Dark on light or light on dark, grey or coloured; a distance below 90 is rare, none is below 45.
    """
    draw = rng.random()
    if draw < 0.35:
        ink, paper = np.zeros(3), np.full(3, 255.0)
        if difficulty:
            ink, paper = ink + rng.uniform(0, 60), paper - rng.uniform(0, 60)
    else:
        least = 90.0 if rng.random() > 0.12 * min(difficulty, 1.0) else 45.0
        dark = rng.uniform(0, 255 - least)
        light = rng.uniform(dark + least, 255)
        ink, paper = _tint(dark, rng), _tint(light, rng)
    if rng.random() < (0.08 if draw < 0.35 else 0.5):
        ink, paper = paper, ink
    return ink, paper, float(abs((ink - paper) @ _LUMA))


def _tint(luminance: float, rng) -> np.ndarray:
    """A colour of this luminance: grey, or of a random hue as far as it stays within 0-255."""
    if rng.random() < 0.35:
        return np.full(3, luminance)
    hue = rng.uniform(-1, 1, 3)
    hue -= hue @ _LUMA
    above, below = (255 - luminance) / np.maximum(hue, 1e-6), luminance / np.maximum(-hue, 1e-6)
    room = np.where(hue > 0, above, below)
    return luminance + hue * room.min() * rng.uniform(0.2, 1.0)


def _texture(pixels: np.ndarray, paper: np.ndarray, contrast: float, rng) -> None:
    """Fills `pixels` with a gradient, clouds, stripes or grain, below the ink's contrast."""
    height, width = pixels.shape[:2]
    amplitude = rng.uniform(0.1, 0.45) * contrast
    kind = int(rng.integers(4))
    if kind == 0:  # gradient
        field = rng.uniform(-1, 1, (2, 2))
    elif kind == 1:  # clouds, as of a defocused scene
        rows, columns = int(rng.integers(2, 6)), int(rng.integers(3, 4 + 3 * width // height))
        field = rng.uniform(-1, 1, (rows, columns))
    elif kind == 2:  # stripes of boards, blinds, cloth
        stripes = rng.uniform(-0.6, 0.6, int(rng.integers(3, 24)))
        field = stripes[:, None] if rng.random() < 0.5 else stripes[None, :]
    else:  # grain of paper and walls
        field = rng.uniform(-0.7, 0.7, (height // 2, max(width // 2, 2)))
    cubic = kind < 2 or rng.random() < 0.5
    smooth = Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR
    field = np.asarray(Image.fromarray(field.astype(np.float32)).resize((width, height), smooth))
    colour = 1 + 0.4 * rng.uniform(-1, 1, 3) if rng.random() < 0.5 else np.ones(3)
    change = amplitude * field[..., None] * colour.astype(np.float32)
    pixels[..., :3] = np.clip(paper.astype(np.float32) + change, 0, 255)


def _clutter(canvas, size, paper, contrast: float, rng) -> None:
    """Edges and blobs of a photograph behind the text, nearer to the paper than to the ink."""
    import skia

    width, height = size
    for _ in range(int(rng.integers(1, 6))):
        colour = paper + rng.uniform(-0.4, 0.4) * contrast * (1 + 0.3 * rng.uniform(-1, 1, 3))
        paint = skia.Paint(AntiAlias=True, Color=_argb(colour))
        x, y = rng.uniform(-0.2, 1.0) * width, rng.uniform(-0.2, 1.0) * height
        w, h = rng.uniform(0.2, 1.2) * width, rng.uniform(0.2, 1.2) * height
        canvas.save()
        canvas.rotate(rng.uniform(-30, 30))
        if rng.random() < 0.6:
            canvas.drawRect(skia.Rect.MakeXYWH(x, y, w, h), paint)
        else:
            canvas.drawOval(skia.Rect.MakeXYWH(x, y, w, h), paint)
        canvas.restore()


def _surroundings(canvas, line, size, ink, unit: float, rng) -> None:
    """What a crop catches of its page: the edge of the next line, a rule, a frame."""
    import skia

    height, bounds = size[1], line.computeTightBounds()
    paint = skia.Paint(AntiAlias=True, Color=_argb(ink + rng.uniform(-30, 30)))
    above, below = bounds.top(), height - bounds.bottom()
    if rng.random() >= 0.5 or max(above, below) <= 3:
        _rule(canvas, paint, size, unit, rng)
        return
    visible = min(rng.uniform(0.3, 0.8) * max(above, below), unit / 3)  # at most 1/3 of a letter
    right = rng.uniform(-0.5, 0.5) * size[0]
    down = visible - bounds.bottom() if above > below else height - visible - bounds.top()
    neighbour = skia.Path(line)
    neighbour.offset(right, down)
    canvas.drawPath(neighbour, paint)


def _rule(canvas, paint, size, unit: float, rng) -> None:
    """A frame around the image, or one rule along a side."""
    import skia

    width, height = size
    paint.setStyle(skia.Paint.kStroke_Style)
    paint.setStrokeWidth(max(unit * rng.uniform(0.02, 0.08), 0.7))
    edge = rng.uniform(0.0, 0.06) * height
    kind = int(rng.integers(3))
    if kind == 0:
        canvas.drawRect(skia.Rect.MakeLTRB(edge, edge, width - edge, height - edge), paint)
    elif kind == 1:
        y = height - edge if rng.random() < 0.7 else edge
        canvas.drawLine(0, y, width, y + rng.uniform(-0.05, 0.05) * height, paint)
    else:
        x = width - edge if rng.random() < 0.5 else edge
        canvas.drawLine(x, 0, x, height, paint)


def _shadow(canvas, line, ink, paper, unit: float, rng) -> None:
    """A cast shadow between paper and black, sharp or soft."""
    import skia

    if ink.mean() > paper.mean():
        dark = paper * rng.uniform(0.3, 0.75)
    else:
        dark = paper + (ink - paper) * rng.uniform(0.2, 0.45)
    paint = skia.Paint(AntiAlias=True, Color=_argb(dark))
    if rng.random() < 0.6:
        sigma = max(unit * rng.uniform(0.02, 0.1), 0.4)
        paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, sigma))
    canvas.save()
    canvas.translate(rng.uniform(-0.12, 0.12) * unit, rng.uniform(-0.06, 0.12) * unit)
    canvas.drawPath(line, paint)
    canvas.restore()


def _ink(canvas, line, ink, paper, unit: float, stem: float, rng, difficulty: float) -> None:
    """The text itself: filled, bolder, with a rim, or in outline.

    Strokes of less than a pixel are thickened before an image is degraded, or none could read it.
    """
    import skia

    paint = skia.Paint(AntiAlias=True, Color=_argb(ink))
    style = rng.random() if difficulty else 1.0
    if style < 0.05 and unit > 18:  # outlined letters
        paint.setStyle(skia.Paint.kStroke_Style)
        paint.setStrokeWidth(max(unit * rng.uniform(0.04, 0.07), 1.0))
    elif style < 0.13:  # a rim of another colour around the letters
        toward = 255.0 if ink.mean() < paper.mean() else 0.0
        rim = paper + (toward - paper) * rng.uniform(0.2, 1.0)
        canvas.drawPath(line, _stroke(rim, unit * rng.uniform(0.08, 0.22)))
    elif difficulty and (style < 0.18 or stem < 1.1):
        paint.setStyle(skia.Paint.kStrokeAndFill_Style)
        bolder = unit * rng.uniform(0.01, 0.04) if style < 0.18 else 0.0
        paint.setStrokeWidth(max(bolder, 1.1 - stem))
    canvas.drawPath(line, paint)


def _stroke(colour, width: float):
    import skia

    return skia.Paint(
        AntiAlias=True,
        Color=_argb(colour),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def _argb(colour) -> int:
    red, green, blue = (min(max(int(value), 0), 255) for value in colour)
    return 0xFF000000 | red << 16 | green << 8 | blue
