"""The skew of a line, measured where its rows of ink are sharpest. No torch."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

RANGE, STEP = 10.0, 0.5
"""Degrees to either side that are tried, and from one to the next."""

_HEIGHT, _WIDEST = 48, 640
"""Pixels of the small copy that it is measured on."""


def skew(pixels: np.ndarray) -> float:
    """By how many degrees a nearly level line is turned counter-clockwise.

    Sheared by the right angle, ink gathers in few rows: the sum of squares of its row profile is
    greatest there (Postl 1986). Between two steps a parabola decides. It takes a line that is
    several times longer than high; of a single word the ascenders say too much.

    Args:
        pixels: (H, W, 3), uint8.

    Returns:
        Degrees within +-`RANGE`; 0 where there is no ink.
    """
    ink = _ink(pixels)
    rows, columns = ink.shape
    y, x = np.mgrid[:rows, :columns]
    x = x - columns / 2
    margin = math.ceil(columns / 2 * math.tan(math.radians(RANGE))) + 1
    angles = np.arange(-RANGE, RANGE + STEP / 2, STEP)
    sharpness = np.empty(len(angles))
    for number, angle in enumerate(angles):
        # y points down, so a line that rises to the right is moved down there.
        moved = np.rint(y + math.tan(math.radians(angle)) * x).astype(np.int64) + margin
        profile = np.bincount(moved.ravel(), ink.ravel(), rows + 2 * margin + 1)
        sharpness[number] = np.square(profile).sum()
    best = int(sharpness.argmax())
    if not ink.any() or best in (0, len(angles) - 1):
        return 0.0
    before, here, after = sharpness[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend else 0.0
    return float(angles[best] + STEP * shift)


def _ink(pixels: np.ndarray) -> np.ndarray:
    """(h, w): how far each pixel of a small copy is from the ground, as far as it stands out."""
    rows, columns = pixels.shape[:2]
    scale = min(1.0, _HEIGHT / rows, _WIDEST / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    gray = np.asarray(
        Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BILINEAR), np.float64
    )
    away = np.abs(gray - np.median(gray))
    return np.where(away > 0.25 * away.max(), away, 0.0)
