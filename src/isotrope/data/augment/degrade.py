"""Turn clean images into photographs or scans: light, lens, sensor and file format."""

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
    """Degrade batches `(B, 3, H, W)` in [0, 1] in the order a camera does.

    Warp, light and contrast act at full size. Then the image is shrunk to the camera's resolution,
    blur, noise and JPEG artifacts act at that size, and the image is enlarged again. Each field
    scales the chance and strength of one step; 0 leaves it out.

    Raises:
        ValueError: When called with a severity below 0.
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
        """Return degraded images of the same size; those with severity 0 are unchanged.

        Args:
            images: `(B, 3, H, W)` in [0, 1].
            generator: on the images' device; the only source of randomness.
            severity: 0 to about 2, one value for all or `(B,)`.
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
