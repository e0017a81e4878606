"""Complete pictures of text from coverage masks: scenes, and paper with print or handwriting."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from isotrope.data.augment.contrast import legible
from isotrope.data.augment.degrade import Degrade
from isotrope.data.augment.draws import severities, uniform
from isotrope.data.augment.fields import sides
from isotrope.data.augment.grounds import legible_inks, papers, scenes
from isotrope.data.augment.ink import inked
from isotrope.data.augment.palette import grounds_and_inks


@dataclass(frozen=True)
class Scene:
    """Signs, covers and screens, photographed."""

    degrade: Degrade = field(default_factory=Degrade)

    def __call__(
        self, masks: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0
    ) -> Tensor:
        """Paint images `(B, 3, H, W)` in [0, 1].

        Args:
            masks: `(B, 2, H, W)` coverage in [0, 1] by the text, and by the text around it.
            generator: on the masks' device; the only source of randomness.
            severity: 0 (two flat colors) to about 2, one value for all or `(B,)`.
        """
        each = severities(severity, masks)
        count, size = len(masks), sides(masks)
        least = 0.22 + 0.5 * uniform(generator, count) ** 2
        least = torch.where(each > 0, least, 0.5 + 0 * least)
        colors, inks = grounds_and_inks(generator, count, least)
        grounds = scenes(generator, colors, each, size)
        if not bool(each.any()):
            return grounds.lerp_(inks[:, :, None, None], masks.amax(1, keepdim=True))
        images = inked(grounds, masks[:, :1], masks[:, 1:], inks, generator, each)
        return self.degrade(legible(images), generator, each)


@dataclass(frozen=True)
class Paper:
    """Print, typescript or handwriting on paper, scanned or photographed."""

    degrade: Degrade = field(
        default_factory=lambda: Degrade(warp=0.5, light=0.4, contrast=0.6, shrink=0.8, bilevel=0.8)
    )

    def __call__(
        self, masks: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0
    ) -> Tensor:
        """Paint images, as `Scene` does."""
        each = severities(severity, masks)
        count, size = len(masks), sides(masks)
        grounds = papers(generator, count, each, size)
        inks = legible_inks(generator, grounds, 0.2 + 0.3 * uniform(generator, count))
        images = grounds.lerp_(inks[:, :, None, None], masks.amax(1, keepdim=True))
        return self.degrade(images, generator, each)
