"""From the core of a line to its baseline and polygon. No torch."""

from __future__ import annotations

import numpy as np
import shapely

from isotrope.ocr.detection.cores import Core
from isotrope.ocr.detection.curves import Curve
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import rounded

ABOVE, BELOW = 1.15, 1.15
"""Distance from the middle line to the top and bottom of the letters, in core thicknesses."""

BASELINE = 0.45
"""Distance from the middle line to the baseline, in core thicknesses."""

BESIDE = 0.8
"""Distance from the ends of the core to those of the text, in core thicknesses."""

_STRAIGHT = 0.05
"""Deviation from a straight line that is ignored, in core thicknesses."""


def outlined(core: Core) -> DetectedLine:
    """Make a line from its core."""
    middle = Curve(core.middle).extended(BESIDE * core.thickness).points
    middle = shapely.get_coordinates(
        shapely.LineString(middle).simplify(_STRAIGHT * core.thickness)
    )
    across = Curve(middle).normals() * core.thickness
    polygon = np.concatenate([middle - ABOVE * across, (middle + BELOW * across)[::-1]])
    return DetectedLine(
        baseline=rounded((middle + BASELINE * across).tolist()),
        polygon=rounded(polygon.tolist()),
        height=(ABOVE + BELOW) * core.thickness,
        confidence=core.confidence,
    )
