"""Scanners and cameras: contrast, resolution, noise, black and white, and JPEG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Resampling

_NOISE = 256  # side of the tile of noise, px
_AROUND = 24  # px over which a threshold looks around
_DARK = 100  # median of pages that are white on black


def scanned(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Photograph or scan a page; some stay as they are.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W, 3) uint8.
    """
    image = Image.fromarray(pixels)
    if rng.random() < 0.25:
        image = image.convert("L")
    if rng.random() < 0.05:
        image = ImageOps.invert(image)
    if rng.random() < 0.5:
        image = image.point(_curve(rng) * len(image.getbands()))
    if rng.random() < 0.25:
        image = softened(image, rng.uniform(0.4, 0.9))
    if rng.random() < 0.3:
        image = noisy(image, rng)
    if rng.random() < 0.07:
        image = bilevel(image, rng)
    elif rng.random() < 0.5:
        image = compressed(image, int(rng.integers(25, 92)))
    return np.array(image.convert("RGB"))


def softened(image: Image.Image, share: float) -> Image.Image:
    """Lose detail: shrink to a share of the size and enlarge again."""
    size = max(int(share * image.width), 1), max(int(share * image.height), 1)
    small = image.resize(size, Resampling.BILINEAR)
    return small.resize(image.size, Resampling.BILINEAR)


def noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Add the noise of a sensor, from a tile."""
    tile = rng.normal(0, rng.uniform(2, 14), (_NOISE, _NOISE)).clip(-60, 60).astype(np.int16)
    pixels = np.asarray(image)
    down, right = (-(-side // _NOISE) for side in pixels.shape[:2])
    noise = np.tile(tile, (down, right))[: pixels.shape[0], : pixels.shape[1]]
    noise = noise if pixels.ndim == 2 else noise[..., None]
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def bilevel(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Black and white, by a threshold that is a share of the brightness around each pixel."""
    gray = np.asarray(image.convert("L"))
    white_on_black = np.median(gray[::9, ::9]) < _DARK
    gray = 255 - gray if white_on_black else gray
    size = image.width, image.height
    coarse = Image.fromarray(gray).resize([-(-side // _AROUND) for side in size], Resampling.BOX)
    around = np.asarray(coarse.resize(size, Resampling.BILINEAR))
    black = gray < rng.uniform(0.6, 0.85) * around
    return Image.fromarray(np.where(black != white_on_black, 0, 255).astype(np.uint8))


def compressed(image: Image.Image, quality: int) -> Image.Image:
    """Write and read as JPEG."""
    file = io.BytesIO()
    image.save(file, "jpeg", quality=quality)
    return Image.open(file)


def _curve(rng: np.random.Generator) -> list[int]:
    """Exposure: a gamma, and black and white that are not so."""
    gamma = np.exp(rng.normal(0, 0.3))
    low, high = 255 * 0.25 * rng.random() ** 2, 255 * (1 - 0.25 * rng.random() ** 2)
    values = low + (np.arange(256) / 255) ** gamma * (high - low)
    return values.round().astype(int).tolist()
