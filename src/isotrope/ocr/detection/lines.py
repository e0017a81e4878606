"""What a detector finds on a page. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from isotrope.ocr.geometry import Points


@dataclass(frozen=True)
class DetectedLine:
    """A line of text on a page, not yet read.

    Args:
        baseline: Two or more points on which the letters stand, in the direction of reading if
            `directed`.
        polygon: The outline: along the top of the letters from the start of the baseline to its
            end, then back below them.
        height: From the bottom of the letters' descenders to the top of their ascenders, px.
        confidence: In [0, 1].
        directed: Whether the detector knows which of the two ends is the start. If not, the line
            may be turned by 180 degrees, and `baseline` may run along the top of its letters.
    """

    baseline: Points
    polygon: Points
    height: float
    confidence: float = 1.0
    directed: bool = False


class Detector(Protocol):
    """Finds the lines of a page.

    `equivariant = True` declares that the lines of a turned page are the turned lines; a page is
    then not turned upright before.
    """

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def find(self, page: np.ndarray) -> list[DetectedLine]:
        """Find the lines of a page, `(H, W, 3)` uint8 RGB, in any order; it may be a view."""
        ...
