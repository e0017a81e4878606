"""Reading order, from the top down. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.ocr.document import Line, Region
from isotrope.ocr.geometry import box


def regions(lines: Sequence[Line], size: tuple[float, float]) -> tuple[Region, ...]:
    """The lines of an upright page as regions in reading order."""
    if not lines:
        return ()
    ranked = sorted(lines, key=lambda line: (box(line.polygon)[1], box(line.polygon)[0], line.text))
    left, top, right, bottom = box([point for line in lines for point in line.polygon])
    around = ((left, top), (right, top), (right, bottom), (left, bottom))
    return (Region(tuple(ranked), around),)
