"""The two forms in which a reader takes a line: as it is, and tidied."""

from __future__ import annotations

import torch
from torch import Tensor

from isotrope.ocr.tidy import tidied
from isotrope.training.relabel import as_bytes


def tidied_image(image: Tensor) -> Tensor | None:
    """An image `(3, H, W)` in [0, 1] as `isotrope.ocr.tidy.tidied` makes it; None if it is tidy."""
    pixels = tidied(as_bytes(image))
    return None if pixels is None else torch.from_numpy(pixels).movedim(-1, 0).float() / 255


def forms(image: Tensor) -> list[Tensor]:
    """An image `(3, H, W)` in [0, 1], and itself tidied unless it is tidy."""
    tidy = tidied_image(image)
    return [image] if tidy is None else [image, tidy]
