"""From the core of a line to its baseline and polygon. No torch."""

from __future__ import annotations

import numpy as np
import shapely

from isotrope.ocr.detection.cores import Core
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
    middle = _extended(core.middle, BESIDE * core.thickness)
    middle = shapely.get_coordinates(
        shapely.LineString(middle).simplify(_STRAIGHT * core.thickness)
    )
    across = _normals(middle) * core.thickness
    polygon = np.concatenate([middle - ABOVE * across, (middle + BELOW * across)[::-1]])
    return DetectedLine(
        baseline=rounded((middle + BASELINE * across).tolist()),
        polygon=rounded(polygon.tolist()),
        height=(ABOVE + BELOW) * core.thickness,
        confidence=core.confidence,
    )


def _extended(middle: np.ndarray, by: float) -> np.ndarray:
    """Prolong a polyline at both ends."""
    first, last = middle[0] - middle[1], middle[-1] - middle[-2]
    before = middle[0] + first * by / np.linalg.norm(first)
    after = middle[-1] + last * by / np.linalg.norm(last)
    return np.concatenate([[before], middle, [after]])


def _normals(middle: np.ndarray) -> np.ndarray:
    """Offset at each point that moves the segments beside it by 1, to their right."""
    along = np.diff(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    before, after = np.concatenate([across[:1], across]), np.concatenate([across, across[-1:]])
    both = before + after
    return 2 * both / np.sum(both * both, axis=1, keepdims=True)
