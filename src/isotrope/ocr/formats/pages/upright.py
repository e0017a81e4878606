"""Lines and their parts as a reader of the text sees them: level, from left to right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

from isotrope.ocr.document import Line, Region
from isotrope.ocr.geometry import Points, box


def level(points: Iterable[tuple[float, float]], degrees: float) -> Points:
    """Turn points clockwise about the origin, which makes text at this angle level.

    With the angle a, `(x, y)` goes to `(x cos a - y sin a, x sin a + y cos a)`: y points down.
    """
    cos, sin = _cos_sin(degrees)
    return tuple((x * cos - y * sin, x * sin + y * cos) for x, y in points)


def _cos_sin(degrees: float) -> tuple[float, float]:
    """The cosine and sine, exact for quarter turns."""
    if degrees % 90 == 0:
        return [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][int(degrees // 90) % 4]
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def angle(region: Region) -> float:
    """Turn of a region's text from upright, in degrees counter-clockwise within (-180, 180]."""
    slants = [line.slant for line in region.lines if line.orientation == region.orientation]
    return half_turn(region.orientation + (median(slants) if slants else 0.0))


def half_turn(degrees: float) -> float:
    """The same angle within (-180, 180]."""
    return 180 - (180 - degrees) % 360


def level_box(line: Line, degrees: float) -> tuple[float, float, float, float]:
    """The box around a line that is made level: `(left, top, right, bottom)`."""
    return box(level(line.polygon, degrees))
