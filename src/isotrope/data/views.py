"""Square views of photographs: from the middle, or cut, mirrored and recolored at random."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor

AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
"""Share of an image's area, and width over height, of a random cut (Szegedy et al. 2015)."""

JITTER = 0.3
"""How far brightness, contrast and saturation change, as a share."""

_TIE = 1e-3
"""Raises values that lie between two bytes: rounding errors must not decide which one is taken."""


def middle(pixels: np.ndarray, side: int) -> Tensor:
    """The largest square in the middle of an image, resized: uint8 `(3, side, side)`.

    Nothing is rounded before the end, so a turned or mirrored image gives the turned or mirrored
    view.

    Args:
        pixels: uint8 `(H, W, 3)`.
    """
    rows, columns = pixels.shape[:2]
    length = min(rows, columns)
    left, top = (columns - length) / 2, (rows - length) / 2
    box = (left, top, left + length, top + length)
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(pixels[:, :, channel]).astype(np.float32)).resize(
                (side, side), Image.Resampling.BICUBIC, box
            )
        )
        for channel in range(3)
    ]
    bytes_ = np.clip(np.floor(np.stack(planes) + 0.5 + _TIE), 0, 255).astype(np.uint8)
    return torch.from_numpy(bytes_)


def random_view(
    pixels: np.ndarray, side: int, rng: np.random.Generator, recolor: bool = False
) -> Tensor:
    """A random cut of an image, resized and mirrored at random: uint8 `(3, side, side)`.

    Args:
        pixels: uint8 `(H, W, 3)`.
        recolor: also change the colors as DeiT III's 3-Augment does (Touvron et al. 2022): gray,
            solarized or blurred, one of them, and then brightness, contrast and saturation.
    """
    box = random_box(pixels.shape[0], pixels.shape[1], rng)
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC, box)
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    if recolor:
        image = recolored(image, rng)
    return torch.from_numpy(np.array(image)).movedim(2, 0).contiguous()


def random_box(rows: int, columns: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a cut within `AREA` and `ASPECT`; else the middle square."""
    for _ in range(10):
        area = rows * columns * rng.uniform(*AREA)
        aspect = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < width <= columns and 0 < height <= rows:
            left = int(rng.integers(columns - width + 1))
            top = int(rng.integers(rows - height + 1))
            return left, top, left + width, top + height
    length = min(rows, columns)
    left, top = (columns - length) // 2, (rows - length) // 2
    return left, top, left + length, top + length


def recolored(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """3-Augment: see `random_view`."""
    kind = int(rng.integers(3))
    if kind == 0:
        image = image.convert("L").convert("RGB")
    elif kind == 1:
        image = ImageOps.solarize(image, 128)
    else:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 2.0)))
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(rng.uniform(1 - JITTER, 1 + JITTER))
    return image
