"""Detection: from the image of a page to its lines. Detectors are imported on first use."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
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


def make_detector(detector: str | Path | Detector | None = None, **options: Any) -> Detector:
    """Make a detector by name, or from a folder of weights.

    Args:
        detector: A name of `DETECTORS`, a folder, or a detector, which is returned as it is. None:
            `DETECTOR`.
        options: Arguments for the `from_pretrained` of the named detector; None means its default.

    Raises:
        ValueError: There is no detector of this name, or in this folder.
        TypeError: `detector` is none of the above.
    """
    if detector is None:
        detector = DETECTOR
    if isinstance(detector, Path) or (isinstance(detector, str) and detector not in DETECTORS):
        options |= {"path": detector}
        detector = _name_of(detector)
    if isinstance(detector, str):
        module, cls = DETECTORS[detector].split(":")
        given = {name: value for name, value in options.items() if value is not None}
        return getattr(import_module(module), cls).from_pretrained(**given)
    if callable(getattr(detector, "find", None)):
        return cast("Detector", detector)
    raise TypeError(
        f"a detector of type {type(detector).__name__}; give a name of {', '.join(DETECTORS)} or "
        "an object with a method `find`"
    )


def _name_of(folder: str | Path) -> str:
    """The name of the detector whose weights a folder has."""
    from isotrope.ocr.onnx.config import read_config

    if not Path(folder).is_dir():
        names = ", ".join(DETECTORS)
        raise ValueError(f"detector {str(folder)!r} is not known; use {names} or a folder")
    with suppress(ValueError):
        read_config(folder, "a detector", "unit")
        return "isotrope"
    read_config(folder, "a detector", "neck_kernel")
    return "pp-ocr"
