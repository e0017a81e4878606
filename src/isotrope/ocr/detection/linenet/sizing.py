"""The size at which `LineNet` sees a page. No torch."""

from __future__ import annotations

import math

AREA = 1.1e6
"""Area at which a page of usual shape is seen, px^2."""

SHORTEST = 640
"""Length below which the short side of a page is not shrunk, px, within four times the area."""


def seen_size(height: int, width: int, unit: int) -> tuple[int, int]:
    """The size `(h, w)` at which a page is seen: about `AREA`, and not larger than the page.

    Both sides are multiples of `unit`. Treats both sides alike, so that a turned page is seen
    turned.
    """
    area = height * width
    usual, narrow = math.sqrt(AREA / area), SHORTEST / min(height, width)
    scale = min(1.0, max(usual, min(narrow, 2 * usual)))
    rows, columns = (
        unit * max(1, math.floor(side * scale / unit + 0.5)) for side in (height, width)
    )
    return rows, columns
