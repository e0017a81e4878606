"""What lens, sensor, scanner and file do to an image: blur, noise, contrast, JPEG."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image, ImageFilter

_LEAST_RANGE, _STRETCHED = 30, 60  # of luminances, from 0 to 255


def degrade(image: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """A (H, W, 3) uint8 image with each fault at its own probability, in a camera's order."""
    picture = Image.fromarray(image)
    chance, strength = rng.random(6), min(difficulty, 2.0)
    if chance[0] < 0.25 * difficulty:
        radius = rng.uniform(0.3, 1.0) * strength * image.shape[0] / 40
        picture = picture.filter(ImageFilter.GaussianBlur(radius))
    if chance[1] < 0.25 * difficulty:
        picture = _low_resolution(picture, rng)
    image = np.array(picture)
    if chance[2] < 0.10 * difficulty:
        image = _motion_blur(image, rng, strength)
    if chance[3] < 0.25 * difficulty:
        image = _contrast(image, rng)
    if chance[4] < 0.35 * difficulty:
        image = _noise(image, rng, strength)
    if chance[5] < 0.40 * difficulty:
        image = _jpeg(image, rng)
    return image


def legible(image: np.ndarray) -> np.ndarray:
    """The image, or where its luminances span less than 30 of 255, its greys stretched to 60.

    An image of one luminance, which holds no text to stretch, stays as it is.
    """
    grey = Image.fromarray(image).convert("L")
    least, greatest = grey.getextrema()
    if greatest - least >= _LEAST_RANGE or greatest == least:
        return image
    middle = min(max((least + greatest) / 2, _STRETCHED / 2), 255 - _STRETCHED / 2)
    levels = middle + _STRETCHED * np.linspace(-0.5, 0.5, greatest - least + 1)
    stretched = levels.round().astype(np.uint8)[np.asarray(grey) - least]
    return np.repeat(stretched[..., None], 3, axis=2)


def _low_resolution(picture: Image.Image, rng) -> Image.Image:
    """Through a smaller image and back: text down to about 9 pixels high."""
    width, height = picture.size
    small = max(int(height * rng.uniform(0.25, 0.8)), 12)
    if small >= height:
        return picture
    down, up = Image.Resampling.BOX, Image.Resampling.BICUBIC
    if rng.random() < 0.5:
        down, up = Image.Resampling.BILINEAR, Image.Resampling.BILINEAR
    smaller = picture.resize((max(round(width * small / height), 1), small), down)
    return smaller.resize((width, height), up)


def _motion_blur(image: np.ndarray, rng, strength: float) -> np.ndarray:
    """The mean of the image at a few steps along a straight path of up to a tenth of its height."""
    reach, angle = rng.uniform(0.02, 0.10) * strength * image.shape[0], rng.uniform(0, math.pi)
    steps = max(int(reach), 1) + 1
    total = np.zeros(image.shape, np.uint16)
    for step in np.linspace(-0.5, 0.5, steps) * reach:
        shift = (round(step * math.sin(angle)), round(step * math.cos(angle)))
        total += _shifted(image, *shift)
    return (total // steps).astype(np.uint8)


def _shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """The image moved by whole pixels, its border repeated."""
    height, width = image.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return image[rows[:, None], columns]


def _contrast(image: np.ndarray, rng) -> np.ndarray:
    """Gamma, contrast and brightness by one table of 256 entries."""
    levels = (np.arange(256) / 255) ** math.exp(rng.uniform(-0.5, 0.5))
    levels = (levels - 0.5) * rng.uniform(0.6, 1.2) + 0.5 + rng.uniform(-0.1, 0.1)
    return (np.clip(levels, 0, 1) * 255).astype(np.uint8)[image]


def _noise(image: np.ndarray, rng, strength: float) -> np.ndarray:
    """Gaussian noise, of one level or growing with brightness (photons), grey or in colour."""
    sigma = rng.uniform(2, 16) * strength
    channels = 3 if rng.random() < 0.5 else 1
    noise = sigma * rng.standard_normal((*image.shape[:2], channels), np.float32)
    if rng.random() < 0.4:
        noise = noise * np.sqrt(image.astype(np.float32) / 160)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _jpeg(image: np.ndarray, rng) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(rng.integers(20, 96)))
    return np.array(Image.open(file))
