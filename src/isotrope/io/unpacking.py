"""From Pillow's pixels to an array, with little memory beside the two."""

from __future__ import annotations

import numpy as np
from PIL import Image

_BAND = 1 << 22
"""Number of pixels that are copied at once."""


def unpacked(image: Image.Image) -> np.ndarray:
    """The pixels of an image, as `np.array(image)`, which makes two copies more on the way.

    Args:
        image: Of a mode of 8-bit channels: L, LA, RGB, RGBA.

    Returns:
        (H, W, channels), uint8, a copy.
    """
    width, height = image.size
    pixels = np.empty((height, width, len(image.getbands())), np.uint8)
    step = max(1, _BAND // max(1, width))
    for top in range(0, height, step):
        band = np.asarray(image.crop((0, top, width, min(top + step, height))))
        pixels[top : top + step] = band.reshape(len(band), width, -1)
    return pixels
