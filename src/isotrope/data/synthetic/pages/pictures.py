"""Pictures: faked photographs, gradients, textures, line art and bar codes, without any text."""

from __future__ import annotations

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.press import Press


def picture(press: Press, box: Box) -> None:
    """Draw a picture of any kind in a box, with or without a frame."""
    import skia

    if min(box.width, box.height) < 8:
        return
    canvas, rect = press.sheet.canvas, skia.Rect(*box)
    canvas.save()
    canvas.clipRect(rect)
    pick(press.rng, (photograph, photograph, shapes, shapes, hatching, plot, engraving))(press, box)
    canvas.restore()
    if press.chance(0.35):
        paint = skia.Paint(AntiAlias=True, Color=0xFF202020, StrokeWidth=press.between(0.7, 3))
        paint.setStyle(skia.Paint.kStroke_Style)
        canvas.drawRect(rect, paint)


def photograph(press: Press, box: Box) -> None:
    """Noise of many octaves with edges, in gray or colors."""
    field = octaves(press.rng, (48, 48), press.between(0.45, 0.8))
    steep = press.between(1, 4)
    gray = 1 / (1 + np.exp(-steep * field - press.between(-1, 1)))
    colors = press.rng.uniform(0, 255, (2, 3))
    if press.chance(0.5):
        colors = colors.mean(axis=1, keepdims=True) * np.ones(3)
        colors[0], colors[1] = press.between(0, 70), press.between(150, 255)
    image = colors[0] + gray[..., None] * (colors[1] - colors[0])
    paste(press, box, image)
    if press.chance(0.4):
        _blobs(press, box, press.count(1, 5), soft=True)


def engraving(press: Press, box: Box) -> None:
    """Fine noise, as of wood engravings and halftones."""
    rows, columns = (min(max(int(side / 2), 4), 200) for side in (box.height, box.width))
    dark = octaves(press.rng, (rows, columns), 0.85)
    paste(
        press, box, np.where(dark > press.between(-0.5, 0.5), 235.0, 35.0)[..., None] * np.ones(3)
    )


def shapes(press: Press, box: Box) -> None:
    """Filled and empty shapes on a colored or white ground."""
    import skia

    if press.chance(0.5):
        press.sheet.canvas.drawRect(skia.Rect(*box), skia.Paint(Color=_color(press)))
    _blobs(press, box, press.count(2, 14), soft=False)


def hatching(press: Press, box: Box) -> None:
    """Parallel or crossed lines, as in drawings and on maps."""
    import skia

    paint = skia.Paint(AntiAlias=True, Color=_color(press), StrokeWidth=press.between(0.6, 2.5))
    step = press.between(3, 16)
    for angle in press.rng.uniform(0, np.pi, press.count(1, 2)):
        across = np.array([np.cos(angle), np.sin(angle)])
        along = np.array([-across[1], across[0]])
        middle = np.array([(box.left + box.right) / 2, (box.top + box.bottom) / 2])
        reach = (box.width + box.height) / 2
        for at in np.arange(-reach, reach, step):
            start, end = middle + at * across - reach * along, middle + at * across + reach * along
            press.sheet.canvas.drawLine(*start.tolist(), *end.tolist(), paint)


def plot(press: Press, box: Box) -> None:
    """Axes, a grid, bars or curves, without any label."""
    import skia

    canvas, rng = press.sheet.canvas, press.rng
    thin = skia.Paint(AntiAlias=True, Color=0xFF303030, StrokeWidth=1.0)
    inner = box.inset(0.06 * box.width, 0.08 * box.height)
    canvas.drawLine(inner.left, inner.bottom, inner.right, inner.bottom, thin)
    canvas.drawLine(inner.left, inner.top, inner.left, inner.bottom, thin)
    count = press.count(3, 14)
    values = rng.uniform(0.05, 0.95, count) * inner.height
    if press.chance(0.5):
        for each, value in zip(inner.columns(count, 0.02 * inner.width), values, strict=True):
            canvas.drawRect(
                skia.Rect(*each._replace(top=each.bottom - value)), skia.Paint(Color=_color(press))
            )
        return
    for _ in range(press.count(1, 3)):
        path = skia.Path()
        xs = np.linspace(inner.left, inner.right, 40)
        ys = inner.bottom - inner.height * (
            0.5 + 0.2 * np.cumsum(rng.normal(0, 0.3, 40)).clip(-2, 2)
        )
        path.addPoly(
            [skia.Point(*each) for each in zip(xs.tolist(), ys.tolist(), strict=True)], False
        )
        paint = skia.Paint(AntiAlias=True, Color=_color(press), StrokeWidth=press.between(0.8, 2.5))
        paint.setStyle(skia.Paint.kStroke_Style)
        canvas.drawPath(path, paint)


def barcode(press: Press, box: Box) -> None:
    """Bars of random widths, or a square of random cells."""
    import skia

    paint = skia.Paint(Color=0xFF101010)
    if press.chance(0.6):
        x, unit = box.left, max(box.width / 120, 1.0)
        while x < box.right:
            width = unit * press.count(1, 4)
            rect = skia.Rect(x, box.top, min(x + width, box.right), box.bottom)
            press.sheet.canvas.drawRect(rect, paint)
            x += width + unit * press.count(1, 4)
        return
    cells = press.rng.random((25, 25)) < 0.5
    side = min(box.width, box.height)
    square = Box(box.left, box.top, box.left + side, box.top + side)
    paste(press, square, np.where(cells, 10.0, 245.0)[..., None] * np.ones(3), smooth=False)


def paste(press: Press, box: Box, image: np.ndarray, smooth: bool = True) -> None:
    """Draw an image (h, w, 3) of 0 to 255, enlarged to a box."""
    import skia

    pixels = np.full((*image.shape[:2], 4), 255, np.uint8)
    pixels[..., :3] = image.clip(0, 255)
    mode = skia.FilterMode.kLinear if smooth else skia.FilterMode.kNearest
    press.sheet.canvas.drawImageRect(
        skia.Image.fromarray(pixels, colorType=skia.kRGBA_8888_ColorType),
        skia.Rect(*box),
        skia.SamplingOptions(mode),
    )


def octaves(rng: np.random.Generator, size: tuple[int, int], rough: float) -> np.ndarray:
    """Noise of many scales `size`, with variance about 1; each octave has `rough` of the last."""
    total, amplitude = np.zeros(size), 1.0
    for knots in (2, 4, 8, 16, 32, 64, 128):
        if knots > 2 * max(size):
            break
        coarse = rng.normal(0, amplitude, (min(knots, size[0]) + 1, min(knots, size[1]) + 1))
        total += enlarged(coarse, size)
        amplitude *= rough
    return total / max(float(total.std()), 1e-6)


def enlarged(field: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolate a field (h, w) between its points to another size."""
    for axis, count in enumerate(size):
        at = np.linspace(0, field.shape[axis] - 1, count)
        low = np.minimum(at.astype(int), field.shape[axis] - 2)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        field = field.take(low, axis) * (1 - share) + field.take(low + 1, axis) * share
    return field


def _blobs(press: Press, box: Box, count: int, soft: bool) -> None:
    import skia

    for _ in range(count):
        paint = skia.Paint(AntiAlias=True, Color=_color(press))
        if soft:
            paint.setMaskFilter(
                skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, press.between(1, 9))
            )
        elif press.chance(0.4):
            paint.setStyle(skia.Paint.kStroke_Style)
            paint.setStrokeWidth(press.between(0.8, 4))
        x, y = press.between(box.left, box.right), press.between(box.top, box.bottom)
        width, height = press.rng.exponential(0.2, 2) * (box.width, box.height) + 4
        rect = skia.Rect(x - width, y - height, x + width, y + height)
        if press.chance(0.5):
            press.sheet.canvas.drawOval(rect, paint)
        else:
            press.sheet.canvas.drawRect(rect, paint)


def _color(press: Press) -> int:
    red, green, blue = press.rng.integers(0, 256, 3)
    if press.chance(0.5):
        red = green = blue = int(press.rng.integers(0, 200))
    return 0xFF000000 | int(red) << 16 | int(green) << 8 | int(blue)
