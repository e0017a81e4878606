"""From a clean image to a photograph or a scan of it: light, lens, sensor and file."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from isotrope.data.augment.bilevel import bilevel
from isotrope.data.augment.blocking import blocking
from isotrope.data.augment.blur import blur
from isotrope.data.augment.contrast import contrast, legible
from isotrope.data.augment.draws import severities
from isotrope.data.augment.light import light
from isotrope.data.augment.low_resolution import low_resolution
from isotrope.data.augment.noise import noise
from isotrope.data.augment.warp import warp


@dataclass(frozen=True)
class Degrade:
    """Degrades batches `(B, 3, H, W)` in [0, 1], in a camera's order.

    warp, light and contrast at full size; then the image is shrunk to the pixels of the camera, and
    blur, noise and JPEG blocks come at that size, before it is enlarged again. Each field scales
    the chance and strength of one step; 0 leaves it out.

    Raises:
        ValueError: on call, for a severity below 0.
    """

    warp: float = 1.0
    light: float = 1.0
    contrast: float = 1.0
    shrink: float = 1.0
    blur: float = 1.0
    noise: float = 1.0
    blocks: float = 1.0
    bilevel: float = 0.0

    def __call__(
        self, images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0
    ) -> Tensor:
        """Images of the same size; `severity` 0 or a tensor's zeros leave theirs unchanged.

        Args:
            images: `(B, 3, H, W)` in [0, 1].
            generator: on the images' device; it decides everything.
            severity: 0 to about 2, one for all or `(B,)`.
        """
        each = severities(severity, images)
        if not bool(each.any()):
            return images

        def camera(small: Tensor, at: Tensor) -> Tensor:
            small = blur(small, generator, self.blur * each[at])
            small = noise(small, generator, self.noise * each[at])
            small = bilevel(small, generator, self.bilevel * each[at])
            return blocking(small, generator, self.blocks * each[at])

        worst = warp(images, generator, self.warp * each)
        worst = light(worst, generator, self.light * each)
        worst = contrast(worst, generator, self.contrast * each)
        worst = low_resolution(worst, generator, self.shrink * each, camera)
        return torch.where((each > 0)[:, None, None, None], legible(worst), images)
