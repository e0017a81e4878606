"""isotrope: the same in every direction.

Vision transformers that are exactly equivariant to rotation, reflection and translation, and an OCR
system that reads the same text whichever way up the image is.

Heavy modules are imported on first use: `import isotrope` loads neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME = {
    "CyclicGroup": "isotrope.groups",
    "DihedralGroup": "isotrope.groups",
    "EquivariantViT": "isotrope.models.vit",
    "EquivariantViTConfig": "isotrope.models.config",
    "Stage": "isotrope.models.config",
    "Framed": "isotrope.models.framed",
    "ImageError": "isotrope.io.errors",
    "Recognizer": "isotrope.ocr.gsanet.recognizer",
    "OrientationFinder": "isotrope.ocr.orientation.finder",
    "Reader": "isotrope.ocr.reader",
    "Reading": "isotrope.ocr.reading",
    "assert_equivariant": "isotrope.equivariance",
    "audit": "isotrope.equivariance",
    "equivariance_error": "isotrope.equivariance",
    "symmetrize": "isotrope.models.symmetrize",
}

_WITH_TORCH = ("torch", "transformers", "peft", "tokenizers", "safetensors")
"""Packages of the extra `torch`; without them, only `Reader` and `OrientationFinder` work."""

__all__ = [
    "CyclicGroup",
    "DihedralGroup",
    "EquivariantViT",
    "EquivariantViTConfig",
    "Framed",
    "ImageError",
    "OrientationFinder",
    "Reader",
    "Reading",
    "Recognizer",
    "Stage",
    "assert_equivariant",
    "audit",
    "equivariance_error",
    "symmetrize",
]

if TYPE_CHECKING:
    from isotrope.equivariance import assert_equivariant, audit, equivariance_error
    from isotrope.groups import CyclicGroup, DihedralGroup
    from isotrope.io.errors import ImageError
    from isotrope.models.config import EquivariantViTConfig, Stage
    from isotrope.models.framed import Framed
    from isotrope.models.symmetrize import symmetrize
    from isotrope.models.vit import EquivariantViT
    from isotrope.ocr.gsanet.recognizer import Recognizer
    from isotrope.ocr.orientation.finder import OrientationFinder
    from isotrope.ocr.reader import Reader
    from isotrope.ocr.reading import Reading


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'isotrope' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if error.name not in _WITH_TORCH:
            raise
        raise ModuleNotFoundError(
            f"isotrope.{name} needs {error.name}; pip install 'isotrope[torch]'", name=error.name
        ) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
