"""Paper and light: what a sheet of ink is multiplied with, made small and enlarged."""

from __future__ import annotations

import numpy as np

from isotrope.data.synthetic.pages.pictures import enlarged, octaves
from isotrope.data.synthetic.pages.sheet import Sheet

_SHRINK = 5  # pixels of a page for one of its paper
_TINTS = ((1.0, 1.0, 1.0), (1.0, 0.97, 0.9), (0.97, 0.91, 0.78), (0.9, 0.93, 1.0), (1.0, 0.9, 0.9),
          (0.9, 1.0, 0.9), (0.88, 0.8, 0.66))  # fmt: skip
_LIKELY = (0.42, 0.2, 0.2, 0.05, 0.03, 0.03, 0.07)


def lay(sheet: Sheet, rng: np.random.Generator) -> None:
    """Lay paper and light under the ink of a sheet."""
    rows, columns = (-(-side // _SHRINK) + 1 for side in (sheet.height, sheet.width))
    if rng.random() < 0.12:
        return  # as rendered from a file
    field = np.ones((rows, columns, 3)) * _paper(rng)
    if rng.random() < 0.7:
        field *= light(rng, (rows, columns))[..., None]
    if rng.random() < 0.5:
        grain = octaves(rng, (rows, columns), rng.uniform(0.6, 1.0))
        field *= 1 + rng.uniform(0.005, 0.05) * grain[..., None]
    if rng.random() < 0.2:
        _stain(field, rng)
    multiply(sheet, field)


def multiply(sheet: Sheet, field: np.ndarray) -> None:
    """Multiply a sheet by a field (h, w, 3) in [0, 1], which is enlarged to it."""
    import skia

    pixels = np.full((*field.shape[:2], 4), 255, np.uint8)
    pixels[..., :3] = 255 * field.clip(0, 1)
    image = skia.Image.fromarray(pixels, colorType=skia.kRGBA_8888_ColorType)
    sheet.canvas.drawImageRect(
        image,
        skia.Rect(sheet.width, sheet.height),
        skia.SamplingOptions(skia.FilterMode.kLinear),
        skia.Paint(BlendMode=skia.BlendMode.kMultiply),
    )


def light(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Uneven light in (0, 1]: a slope, clouds, darker corners, the shadow of a hand or a spine."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in size), indexing="ij")
    gain = 1 + rng.uniform(0, 0.2) * (x * rng.normal() + y * rng.normal()).clip(-2, 2) / 2
    if rng.random() < 0.4:
        gain -= rng.uniform(0.05, 0.4) * enlarged(rng.random((3, 3)), size)
    if rng.random() < 0.3:
        gain -= rng.uniform(0.05, 0.3) * (x**2 + y**2) / 2
    if rng.random() < 0.2:  # the fold of a book, on one side
        side = x if rng.random() < 0.5 else -x
        gain -= rng.uniform(0.1, 0.6) * np.exp((side - 1) / rng.uniform(0.03, 0.2))
    if rng.random() < 0.12:  # a shadow with an edge
        angle, at = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 1.0)
        across = x * np.cos(angle) + y * np.sin(angle) - at
        gain *= 1 - rng.uniform(0.1, 0.45) / (1 + np.exp(-across * np.exp(rng.uniform(1.5, 4.5))))
    return (gain / gain.max()).clip(0.2, 1)


def _paper(rng: np.random.Generator) -> np.ndarray:
    tint = np.array(_TINTS[int(rng.choice(len(_TINTS), p=_LIKELY))])
    shade = 1 - 0.35 * rng.random() ** 2.5
    return (tint * shade * (1 + rng.normal(0, 0.015, 3))).clip(0.35, 1)


def _stain(field: np.ndarray, rng: np.random.Generator) -> None:
    """Darken some patches, as damp and age do."""
    patches = octaves(rng, field.shape[:2], 0.7) - rng.uniform(0.3, 1.5)
    depth = rng.uniform(0.05, 0.35) / (1 + np.exp(-patches * rng.uniform(2, 12)))
    field *= 1 - depth[..., None] * np.array([0.7, 0.9, 1.2])
