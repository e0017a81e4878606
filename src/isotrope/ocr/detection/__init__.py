"""Detection: from the image of a page to its lines. Detectors are imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from isotrope.ocr.detection.lines import DetectedLine, Detector

__all__ = ["DETECTOR", "DETECTORS", "DetectedLine", "Detector", "make_detector"]

DETECTORS = {
    "pp-ocr": "isotrope.ocr.detection.db.session:DBDetector",
    "isotrope": "isotrope.ocr.detection.linenet.session:LineNetDetector",
}
"""The detectors by name: the location of a class with `from_pretrained`."""


DETECTOR = "pp-ocr"
"""The default detector."""


def make_detector(detector: str | Detector, **options: Any) -> Detector:
    """Make a detector by name.

    Args:
        detector: A name of `DETECTORS`, or a detector, which is returned as it is.
        options: Arguments for the `from_pretrained` of the named detector; None means its default.

    Raises:
        ValueError: There is no detector of this name.
        TypeError: `detector` is none of the above.
    """
    if isinstance(detector, str):
        if detector not in DETECTORS:
            raise ValueError(f"detector {detector!r} is not known; use {', '.join(DETECTORS)}")
        module, cls = DETECTORS[detector].split(":")
        given = {name: value for name, value in options.items() if value is not None}
        return getattr(import_module(module), cls).from_pretrained(**given)
    if callable(getattr(detector, "find", None)):
        return cast("Detector", detector)
    raise TypeError(
        f"a detector of type {type(detector).__name__}; give a name of {', '.join(DETECTORS)} or "
        "an object with a method `find`"
    )
