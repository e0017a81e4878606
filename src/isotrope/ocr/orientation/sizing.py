"""How large the finder sees an image: about as many pixels whatever its shape. No torch."""

from __future__ import annotations

import math

UNIT = 8
"""Pixels of which both sides are multiples."""

SHORTEST = 24
"""Pixels of the short side of a long line: less, and letters cannot be told from their turns."""

LYING = 2.5
"""An image longer than this, side over side, lies along its long side: two turns are asked for."""


def finder_size(height: int, width: int, area: int) -> tuple[int, int]:
    """The `(h, w)` at which an image is shown: `area` pixels, but no side below `SHORTEST`.

    Treats both sides alike, so that it commutes with quarter turns.
    """
    short, long = min(height, width), max(height, width)
    low = max(SHORTEST, math.sqrt(area * short / long))
    low_side = UNIT * max(1, math.floor(low / UNIT + 0.5))
    high_side = max(low_side, UNIT * math.floor(low_side * long / short / UNIT + 0.5))
    return (low_side, high_side) if height <= width else (high_side, low_side)
