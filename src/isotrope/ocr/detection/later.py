"""A detector that is loaded when it is first needed: words and lines need none. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from isotrope.ocr.detection import DETECTOR, make_detector
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


def detector_for(detector: str | Path | Detector | None, **options: Any) -> Detector:
    """The detector asked for, or for None the default one, which is loaded on first use.

    Args:
        detector, options: As in `make_detector`.

    Raises:
        ValueError, TypeError: As in `make_detector`.
    """
    load = partial(make_detector, detector or DETECTOR, **options)
    return load() if detector else LaterDetector(load)
