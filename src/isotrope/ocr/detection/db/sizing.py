"""The size at which a page is mapped, and the parts in which it is done. No torch."""

from __future__ import annotations

import math

STRIDE = 32
"""Both sides of a map are multiples of this, px."""

AREA = 1.2e6
"""Largest area of the map of a page of usual shape, px^2."""

SHORTEST = 640
"""Length below which the short side of a page is not shrunk, px; a long page is mapped in parts."""

PART, MARGIN = 1280, 96
"""Length of a part, px, and how much of it is dropped where it was cut; multiples of `STRIDE`."""


def map_size(height: int, width: int) -> tuple[int, int]:
    """Size `(h, w)` of the map of a page: about `AREA`, never larger than the page but by rounding.

    Treats both sides alike.
    """
    scale = min(1.0, max(math.sqrt(AREA / (height * width)), SHORTEST / min(height, width)))
    rows, columns = (
        STRIDE * max(1, math.floor(side * scale / STRIDE + 0.5)) for side in (height, width)
    )
    return rows, columns


def spans(length: int) -> list[tuple[slice, slice]]:
    """Cut a length into overlapping parts.

    Returns:
        The slice of each part, and the slice of the part's result to keep. What is kept covers the
        length once.
    """
    if length <= 2 * PART:
        return [(slice(0, length), slice(0, length))]
    found, done = [], 0
    while done < length:
        start = max(0, done - MARGIN)
        stop = min(start + PART, length)
        until = stop if stop == length else stop - MARGIN
        found.append((slice(start, stop), slice(done - start, until - start)))
        done = until
    return found
