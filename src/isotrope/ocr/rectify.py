"""Straighten slanted lines. No torch."""

from __future__ import annotations

import numpy as np

from isotrope.io.resize import rotate

_SAME = 24
"""Gray levels by which a pixel may differ from the background and still count as background."""


def rectified(pixels: np.ndarray, slant: float) -> np.ndarray:
    """Turn a line back by its slant, and trim the background on all four sides.

    Args:
        pixels: (H, W, 3), uint8.
        slant: Turn of the text from horizontal, in degrees counter-clockwise.

    Returns:
        (H', W', 3), uint8, C-contiguous.
    """
    ground = _border_color(pixels)
    red, green, blue = ground.tolist()
    level = rotate(pixels, -slant, fill=(red, green, blue))
    busy = np.any(np.abs(level.astype(np.int16) - ground) > _SAME, axis=2)
    rows, columns = _extent(np.any(busy, axis=1)), _extent(np.any(busy, axis=0))
    return np.ascontiguousarray(level[rows, columns])


def _border_color(pixels: np.ndarray) -> np.ndarray:
    """The median color of the border, (3,)."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.median(border, axis=0).astype(np.int16)


def _extent(busy: np.ndarray) -> slice:
    """Slice from the first to the last true value; everything if none is true.

    There is no margin: two pixels of background beside a small word cost three points.
    """
    places = np.flatnonzero(busy)
    if not len(places):
        return slice(None)
    return slice(int(places[0]), int(places[-1]) + 1)
