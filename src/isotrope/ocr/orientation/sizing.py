"""The size at which the finder examines an image: about the same area for any shape. No torch."""

from __future__ import annotations

import math

UNIT = 8
"""Both sides are multiples of this, px."""

SHORTEST = 24
"""Short side of a long line, px; with less, letters look like their turned copies."""

LYING = 2.5
"""Side ratio above which text is assumed to run along the long side: two turns are scored."""


def finder_size(height: int, width: int, area: int) -> tuple[int, int]:
    """Size `(h, w)` at which an image is examined: `area` pixels, no side below `SHORTEST`.

    Treats both sides alike, and so commutes with quarter turns.
    """
    short, long = min(height, width), max(height, width)
    low = max(SHORTEST, math.sqrt(area * short / long))
    low_side = UNIT * max(1, math.floor(low / UNIT + 0.5))
    high_side = max(low_side, UNIT * math.floor(low_side * long / short / UNIT + 0.5))
    return (low_side, high_side) if height <= width else (high_side, low_side)
