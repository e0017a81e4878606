"""Rendered text in batches: workers draw outlines, which are painted on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.synthetic.outlines import Outline, paint


@dataclass(frozen=True)
class Rendered:
    """An outline that is not painted yet, and the seed that determines how it is painted."""

    outline: Outline
    seed: int

    @property
    def size(self) -> tuple[int, int]:
        """Its height and width in pixels."""
        return self.outline.masks.shape[1:]

    def sized(self, size: tuple[int, int]) -> Rendered:
        """The same outline with its masks resized to `size`, height and width."""
        if size == self.size:
            return self
        masks = torch.from_numpy(self.outline.masks)[None].float()
        masks = functional.interpolate(masks, size=size, mode="bilinear", antialias=True)[0]
        masks = masks.round().clamp(0, 255).byte().numpy()
        return replace(self, outline=replace(self.outline, masks=masks))


@dataclass(frozen=True)
class Sample:
    """A real image `(3, H, W)`, or a rendered one that is not painted yet."""

    pixels: Tensor | Rendered

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        if isinstance(self.pixels, Rendered):
            return self.pixels.size
        rows, columns = self.pixels.shape[1:]
        return rows, columns

    @property
    def extent(self) -> float:
        """Width over height."""
        rows, columns = self.size
        return columns / rows

    @property
    def rendered(self) -> bool:
        """Whether the image was rendered, not scanned."""
        return isinstance(self.pixels, Rendered)


def given_pixels(pixels: Tensor | Rendered) -> Tensor:
    """The pixels of a real image.

    Raises:
        TypeError: The image is rendered and not painted yet.
    """
    if isinstance(pixels, Rendered):
        raise TypeError("a rendered sample has no pixels; paint its batch with painted()")
    return pixels


def to_paint(rendered: Sequence[Rendered | None]) -> dict[str, Any]:
    """The batch fields that `painted` needs to fill the rows of each `Rendered`."""
    found = {place: one for place, one in enumerate(rendered) if one is not None}
    return {
        "outlines": [one.outline for one in found.values()],
        "painted": torch.tensor(list(found), dtype=torch.long),
        "seed": next((one.seed for one in found.values()), 0),
    }


def painted(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with its rendered rows painted into `pixels` `(B, 3, H, W)`, bytes, blue first.

    The fields of `to_paint` are removed. The result depends on the device only through torch's
    generators, which differ between CPUs and GPUs.
    """
    rest = {k: v for k, v in batch.items() if k not in ("outlines", "painted", "seed")}
    if outlines := batch["outlines"]:
        pixels: Tensor = rest["pixels"]
        generator = torch.Generator(pixels.device).manual_seed(batch["seed"])
        images = paint(outlines, generator)
        drawn = (images.flip(1).clamp(0, 1) * 255).round().byte()
        pixels[batch["painted"], :, :, : drawn.shape[3]] = drawn
    return rest


def drawn_seed(rng: np.random.Generator) -> int:
    """A random seed for a torch generator."""
    return int(rng.integers(2**62))
