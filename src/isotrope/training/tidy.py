"""The two forms in which a reader takes a line: as it is, and tidied."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.ocr.tidy import tidied
from isotrope.training.mix import LineSample, line_pixels
from isotrope.training.relabel import as_bytes
from isotrope.training.tasks.recognition import decoded_lines


def tidied_image(image: Tensor) -> Tensor | None:
    """An image `(3, H, W)` in [0, 1] as `isotrope.ocr.tidy.tidied` makes it; None if it is tidy."""
    pixels = tidied(as_bytes(image))
    return None if pixels is None else torch.from_numpy(pixels).movedim(-1, 0).float() / 255


def forms(image: Tensor) -> list[Tensor]:
    """An image `(3, H, W)` in [0, 1], and itself tidied unless it is tidy."""
    tidy = tidied_image(image)
    return [image] if tidy is None else [image, tidy]


def line_forms(image: Tensor, text: str) -> list[LineSample]:
    """The samples of a line in its forms."""
    return [LineSample(line_pixels(form), text) for form in forms(image)]


def read_forms(model: LineRecognizer, lines: Sequence[Sequence[LineSample]]) -> list[str]:
    """The texts of lines by the best path; of the forms of each, the most confident one."""
    found = iter(decoded_lines(model, [form for several in lines for form in several]))
    read = ([next(found) for _ in several] for several in lines)
    return [max(several, key=lambda one: one.confidence).text for several in read]
