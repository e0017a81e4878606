"""Prepare lines for a published TrOCR as its own image processor does. No torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

FILES = ("preprocessor_config.json", "processor_config.json")
"""Where transformers 4 and 5 save an image processor."""

_Three = tuple[float, float, float]


@dataclass(frozen=True)
class Preparation:
    """Squashes a line to one size, whatever its shape: `(pixels * scale - mean) / spread`.

    transformers' own image processors are not used because some of them need torchvision.

    Args:
        size: Rows and columns in pixels.
        crop: Rows and columns that are kept in the middle. None: all.
        resample: Pillow's interpolation.
    """

    size: tuple[int, int]
    crop: tuple[int, int] | None = None
    resample: int = Image.Resampling.BILINEAR
    scale: float = 1 / 255
    mean: _Three = (0.5, 0.5, 0.5)
    spread: _Three = (0.5, 0.5, 0.5)

    @classmethod
    def from_folder(cls, path: Path, image_size: int | Sequence[int]) -> Preparation:
        """Read the preparation from a folder; what it does not say is as in the published ones.

        Args:
            image_size: The size that the encoder takes.

        Raises:
            ValueError: The file is broken, or leads to another size than the encoder's.
        """
        given, file = _given(path)
        try:
            made = cls._from(given, image_size)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{file} is broken ({type(error).__name__}: {error}); copy it again from the "
                "published folder"
            ) from error
        wanted = sides(image_size)
        if (made.crop or made.size) != wanted:
            raise ValueError(
                "{} makes images of {}x{}, and the encoder takes {}x{}; copy the file again from "
                "the published folder".format(file, *(made.crop or made.size), *wanted)
            )
        return made

    @classmethod
    def _from(cls, given: dict[str, Any], image_size: int | Sequence[int]) -> Preparation:
        kind = given.get("image_processor_type") or given.get("feature_extractor_type") or ""
        usual = Image.Resampling.BICUBIC if "DeiT" in kind else Image.Resampling.BILINEAR
        size = sides(given.get("size", image_size))
        crop = sides(given.get("crop_size", size)) if given.get("do_center_crop") else None
        even = given.get("do_normalize", True)
        return cls(
            size,
            None if crop == size else crop,
            Image.Resampling(given.get("resample", usual)),
            float(given.get("rescale_factor", 1 / 255)) if given.get("do_rescale", True) else 1.0,
            _three(given.get("image_mean", (0.5,) * 3) if even else (0.0,) * 3),
            _three(given.get("image_std", (0.5,) * 3) if even else (1.0,) * 3),
        )

    def squashed(self, line: np.ndarray) -> np.ndarray:
        """A line `(H, W, 3)` in the size of the encoder, `(h, w, 3)`, all in 8-bit RGB."""
        rows, columns = self.size
        image = Image.fromarray(line).resize((columns, rows), Image.Resampling(self.resample))
        if self.crop is not None:
            high, wide = self.crop
            top, left = (rows - high) // 2, (columns - wide) // 2
            image = image.crop((left, top, left + wide, top + high))
        return np.array(image)  # writable, for torch

    def values(self, squashed: Tensor) -> Tensor:
        """What the encoder sees: `(B, h, w, 3)` in bytes to `(B, 3, h, w)` float32."""
        unit = squashed.permute(0, 3, 1, 2).float() * self.scale
        mean, spread = (unit.new_tensor(three).view(3, 1, 1) for three in (self.mean, self.spread))
        return (unit - mean) / spread


def sides(size: int | Sequence[int] | dict[str, int]) -> tuple[int, int]:
    """(rows, columns) of a size in any of transformers' notations."""
    if isinstance(size, dict):
        return int(size["height"]), int(size["width"])
    rows, columns = (size, size) if isinstance(size, int) else size
    return int(rows), int(columns)


def _given(path: Path) -> tuple[dict[str, Any], Path]:
    """The values of an image processor, and the file that has them."""
    for file in (path / name for name in FILES):
        if not file.is_file():
            continue
        try:
            given = json.loads(file.read_text(encoding="utf-8"))
            given = given.get("image_processor", given)
        except (ValueError, AttributeError) as error:
            raise ValueError(f"{file} is broken ({error}); copy it again") from error
        if isinstance(given, dict):
            return given, file
    return {}, path / FILES[0]


def _three(values: Sequence[float]) -> _Three:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
