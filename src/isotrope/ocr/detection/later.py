"""A detector that is loaded when it is first needed: words and lines need none. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from isotrope.ocr.detection.lines import DetectedLine, Detector


@dataclass(frozen=True, eq=False)
class LaterDetector:
    """A detector, loaded on first use.

    Args:
        load: Loads it.
    """

    load: Callable[[], Detector]

    @cached_property
    def detector(self) -> Detector:
        """The detector itself."""
        return self.load()

    @property
    def name(self) -> str:
        """Its name."""
        return self.detector.name

    @property
    def equivariant(self) -> bool:
        """Whether the lines of a turned page are the turned lines."""
        return getattr(self.detector, "equivariant", False)

    def find(self, page: np.ndarray) -> list[DetectedLine]:
        """As `Detector.find`."""
        return self.detector.find(page)
