"""Typeset texts that are not yet painted, painting styles, and painting in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isotrope.data.augment import Degrade, Paper, Scene


@dataclass(frozen=True)
class Style:
    """Style of the picture that shows a text.

    Args:
        paint: masks `(B, 2, H, W)`, generator, severities `(B,)` to images `(B, 3, H, W)`.
        fonts: the fraction of each kind of font (see `font_kinds.kind_of`).
        scene: words as on signs, narrowed, outlined; else lines of a page.
        beside, above: the probabilities of words beside, and of lines above and below.
        clean: the fraction of clean samples at difficulty 1.
    """

    paint: Callable[[Tensor, torch.Generator, Tensor], Tensor]
    fonts: Mapping[str, float]
    scene: bool = False
    beside: float = 0.0
    above: float = 0.0
    clean: float = 0.2


STYLES = {
    "scene": Style(
        Scene(),
        {"text": 0.8, "display": 0.14, "hand": 0.055, "fraktur": 0.005},
        True,
        0.12,
        0.15,
        0.05,
    ),
    "print": Style(Paper(), {"text": 1.0}, above=0.4),
    "hand": Style(Paper(Degrade(1.5, 0.4, 0.6, 0.8, bilevel=0.4)), {"hand": 1.0}, above=0.4),
    "fraktur": Style(Paper(), {"fraktur": 1.0}, above=0.4),
}


@dataclass(frozen=True)
class Outline:
    """A typeset text, not yet painted.

    `masks`: (2, H, W) uint8, pixel coverage by the text and by the text around it. `style`: a key
    of STYLES. `severity`: how strongly its image is degraded. The rest is as in `TextSample`.
    """

    masks: np.ndarray
    text: str
    centers: np.ndarray
    family: str
    style: str
    severity: float

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.masks.shape[2]


def paint(
    outlines: Sequence[Outline],
    generator: torch.Generator,
    severity: float = 1.0,
) -> Tensor:
    """Paint outlines as images `(B, 3, H, W)` in [0, 1] on the generator's device.

    W is the largest width. Narrower masks are padded with zeros on the right, where the background
    continues.

    Args:
        outlines: all of the same height.
        severity: scales each outline's severity.

    Raises:
        ValueError: The heights differ.
    """
    heights = {outline.masks.shape[1] for outline in outlines}
    if len(heights) != 1:
        raise ValueError(f"outlines are {sorted(heights)} pixels high; give some of one height")
    widest = max(outline.width for outline in outlines)
    masks = np.zeros((len(outlines), 2, heights.pop(), widest), np.uint8)
    for mask, outline in zip(masks, outlines, strict=True):
        mask[:, :, : outline.width] = outline.masks
    device = generator.device
    coverages = torch.from_numpy(masks).to(device).float() / 255
    severities = severity * torch.tensor([outline.severity for outline in outlines], device=device)
    images = torch.empty(len(outlines), 3, *masks.shape[2:], device=device)
    for name in sorted({outline.style for outline in outlines}):
        at = torch.tensor([i for i, o in enumerate(outlines) if o.style == name], device=device)
        images[at] = STYLES[name].paint(coverages[at], generator, severities[at])
    return images
