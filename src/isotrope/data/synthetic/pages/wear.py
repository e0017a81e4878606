"""What happens to paper: ink shows through, creases, punched holes, specks, tape."""

from __future__ import annotations

import numpy as np

from isotrope.data.synthetic.pages.sheet import Sheet

_EDGE = 0.018  # of the shorter side: the deepest dark edge, less than any margin


def wear(sheet: Sheet, rng: np.random.Generator) -> None:
    """Age a printed sheet, in a share of pages each."""
    if rng.random() < 0.2:
        fade(sheet, rng)
    if rng.random() < 0.18:
        show_through(sheet, rng)
    if rng.random() < 0.15:
        creases(sheet, rng)
    if rng.random() < 0.12:
        specks(sheet, rng)
    if rng.random() < 0.06:
        holes(sheet, rng)
    if rng.random() < 0.08:
        edges(sheet, rng)


def fade(sheet: Sheet, rng: np.random.Generator) -> None:
    """Wear off ink, in patches or in grains."""
    import skia

    grain = rng.uniform(1.5, 4) if rng.random() < 0.5 else rng.uniform(15, 120)
    size = max(int(sheet.height / grain), 2), max(int(sheet.width / grain), 2)
    field = rng.random(size) ** rng.uniform(1, 4) * rng.uniform(0.2, 0.75)
    pixels = np.full((*size, 4), 255, np.uint8)
    pixels[..., :3] = (255 * field)[..., None]
    sheet.canvas.drawImageRect(
        skia.Image.fromarray(pixels, colorType=skia.kRGBA_8888_ColorType),
        skia.Rect(sheet.width, sheet.height),
        skia.SamplingOptions(skia.FilterMode.kLinear),
        skia.Paint(BlendMode=skia.BlendMode.kScreen),
    )


def show_through(sheet: Sheet, rng: np.random.Generator) -> None:
    """Let the back of the sheet show: the page itself in the mirror, shifted, soft and pale."""
    import skia

    half = skia.Surface(max(sheet.width // 2, 1), max(sheet.height // 2, 1))
    small = half.getCanvas()
    small.clear(skia.ColorWHITE)
    small.scale(0.5, 0.5)
    small.translate(sheet.width * (1 + rng.normal(0, 0.02)), rng.uniform(-40, 40))
    small.rotate(float(rng.normal(0, 0.4)))
    small.scale(-1, 1)
    linear = skia.SamplingOptions(skia.FilterMode.kLinear)
    small.drawImage(sheet.image(), 0, 0, linear)
    paint = skia.Paint(BlendMode=skia.BlendMode.kMultiply, Alphaf=float(rng.uniform(0.05, 0.3)))
    whole = skia.Rect(sheet.width, sheet.height)
    sheet.canvas.drawImageRect(half.makeImageSnapshot(), whole, linear, paint)


def creases(sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw folds: thin lines across the sheet, dark on one side and light on the other."""
    import skia

    level = rng.random() < 0.7
    for _ in range(int(rng.integers(1, 5))):
        if level:
            upright = rng.random() < 0.5
            at = rng.uniform(0.1, 0.9)
            tilt = rng.normal(0, 0.01)
            ends = np.array([[at - tilt, -0.01], [at + tilt, 1.01]])
            ends = ends if upright else ends[:, ::-1]
        else:
            ends = rng.uniform(-0.1, 1.1, (2, 2))
        points = ends * (sheet.width, sheet.height)
        across = np.array([1.0, 0.6])
        for color, offset, width in ((0, 0.0, 1.0), (0, -2.0, 5.0), (255, 2.0, 3.0)):
            alpha = int(rng.uniform(10, 70) if width > 1 else rng.uniform(20, 130))
            paint = skia.Paint(AntiAlias=True, Color=skia.ColorSetARGB(alpha, color, color, color))
            paint.setStyle(skia.Paint.kStroke_Style)
            paint.setStrokeWidth(width * rng.uniform(0.6, 1.6))
            (x0, y0), (x1, y1) = (points + offset * across).tolist()
            sheet.canvas.drawLine(x0, y0, x1, y1, paint)


def specks(sheet: Sheet, rng: np.random.Generator) -> None:
    """Scatter dirt: dots smaller than those of letters, and a few hairs."""
    import skia

    count = int(rng.integers(10, 400))
    spots = rng.random((count, 2)) * (sheet.width, sheet.height)
    points = [skia.Point(*spot) for spot in spots.tolist()]
    gray = int(rng.integers(0, 140))
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorSetRGB(gray, gray, gray))
    paint.setStrokeWidth(float(rng.uniform(0.7, 2.4)))
    paint.setStrokeCap(skia.Paint.kRound_Cap)
    sheet.canvas.drawPoints(skia.Canvas.kPoints_PointMode, points, paint)
    paint.setStyle(skia.Paint.kStroke_Style)
    paint.setStrokeWidth(0.8)
    for _ in range(int(rng.integers(0, 4))):
        hair = skia.Path()
        start = rng.random(2) * (sheet.width, sheet.height)
        ends = start + rng.normal(0, 30, (3, 2)).cumsum(axis=0)
        hair.moveTo(*start.tolist())
        hair.cubicTo(*ends.ravel().tolist())
        sheet.canvas.drawPath(hair, paint)


def holes(sheet: Sheet, rng: np.random.Generator) -> None:
    """Punch holes along the left or the right side."""
    import skia

    gray = int(rng.choice([20, 60, 200]))
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorSetRGB(gray, gray, gray))
    radius = rng.uniform(0.008, 0.016) * sheet.height
    x = rng.uniform(1.2, 2.0) * radius
    x = x if rng.random() < 0.8 else sheet.width - x
    for share in (0.25, 0.75) if rng.random() < 0.5 else (0.15, 0.38, 0.62, 0.85):
        sheet.canvas.drawCircle(x, share * sheet.height, radius, paint)


def edges(sheet: Sheet, rng: np.random.Generator) -> None:
    """Darken strips along some sides, rough on the inside, as at the edge of a scan."""
    import skia

    gray = int(rng.integers(0, 90))
    paint = skia.Paint(AntiAlias=True, Color=skia.ColorSetRGB(gray, gray, gray))
    wide = _EDGE * min(sheet.width, sheet.height)
    for side in range(4):
        if rng.random() < 0.5:
            continue
        along, across = (sheet.width, sheet.height) if side < 2 else (sheet.height, sheet.width)
        at = np.linspace(0, along, 60)
        depth = wide * (0.6 * rng.random() + 0.4 * rng.random(60))
        points = np.stack([at, depth if side % 2 else across - depth], axis=1)
        outer = [[along, 0.0], [0.0, 0.0]] if side % 2 else [[along, across], [0.0, across]]
        points = np.concatenate([points, outer])
        points = points if side < 2 else points[:, ::-1]
        path = skia.Path()
        path.addPoly([skia.Point(*point) for point in points.tolist()], True)
        sheet.canvas.drawPath(path, paint)
