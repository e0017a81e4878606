"""Measure the skew of a line as the angle at which its rows of ink are sharpest. No torch."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

LONG = 5.0
"""Length, in heights, above which the skew of a line can be measured."""

RANGE, STEP = 10.0, 0.5
"""Range to either side and step of the angles tried, in degrees."""

_HEIGHT, _WIDEST = 48, 640
"""Size of the small copy that is measured, px."""


def skew(pixels: np.ndarray) -> float:
    """Measure by how many degrees a nearly level line is turned counter-clockwise.

    At the right shear angle the ink gathers in few rows, which maximizes the sum of squares of its
    row profile (Postl 1986). A parabola interpolates between steps. The line must be several times
    longer than high; in a single word, ascenders have too much influence.

    Args:
        pixels: (H, W, 3), uint8.

    Returns:
        Degrees within +-`RANGE`; 0 if there is no ink.
    """
    ink = _ink(pixels)
    rows, columns = ink.shape
    y, x = np.nonzero(ink)
    ink = ink[y, x]
    x = x - columns / 2
    margin = math.ceil(columns / 2 * math.tan(math.radians(RANGE))) + 1
    angles = np.arange(-RANGE, RANGE + STEP / 2, STEP)
    sharpness = np.empty(len(angles))
    for number, angle in enumerate(angles):
        # y points down, so a line that rises to the right is shifted down there.
        moved = np.rint(y + math.tan(math.radians(angle)) * x).astype(np.int64) + margin
        profile = np.bincount(moved, ink, rows + 2 * margin + 1)
        sharpness[number] = np.square(profile).sum()
    best = int(sharpness.argmax())
    if not len(ink) or best in (0, len(angles) - 1):
        return 0.0
    before, here, after = sharpness[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend else 0.0
    return float(angles[best] + STEP * shift)


def drift(pixels: np.ndarray, slant: float) -> float:
    """How far a line `(H, W, 3)` slanted by so many degrees rises or falls, in its heights."""
    rows, columns = pixels.shape[:2]
    return math.tan(math.radians(abs(slant))) * max(rows, columns) / min(rows, columns)


def _ink(pixels: np.ndarray) -> np.ndarray:
    """Contrast of each pixel of a small copy with the background, if it stands out: (h, w)."""
    rows, columns = pixels.shape[:2]
    scale = min(1.0, _HEIGHT / rows, _WIDEST / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    gray = np.asarray(
        Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BILINEAR), np.float64
    )
    away = np.abs(gray - np.median(gray))
    return np.where(away > 0.25 * away.max(), away, 0.0)
