"""Shrink images to the camera's resolution and enlarge them again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import severities, uniform

HEIGHTS = (11.0, 16.0, 19.0, 23.0, 27.0, 32.0, 37.0, 43.0, 50.0, 58.0, 64.0)
"""Heights of crops of photographs, px: minimum, deciles, maximum."""
LEVELS = 5
"""Number of different heights in a batch, so that several images share each."""


def low_resolution(
    images: Tensor,
    generator: torch.Generator,
    severity: float | Tensor = 1.0,
    seen: Callable[[Tensor, Tensor], Tensor] = lambda images, places: images,
) -> Tensor:
    """Shrink images `(B, 3, H, W)` to a height of 11 px or more, and enlarge them again.

    Args:
        severity: the probability that an image is shrunk at all.
        seen: called with the small images `(n, 3, h, w)` and their positions in the batch `(n,)`:
            blur, noise and JPEG artifacts at the camera's own pixels.
    """
    severity = severities(severity, images)
    count, (height, width) = len(images), images.shape[-2:]
    levels = _levels(generator, min(LEVELS, count))
    level = torch.randint(len(levels), (count,), generator=generator, device=images.device)
    kept = uniform(generator, count) >= severity
    level = torch.where(kept | (levels >= height)[level], len(levels), level)
    result = torch.empty_like(images)
    for number in level.unique().tolist():
        at = (level == number).nonzero()[:, 0]
        if number == len(levels):
            result[at] = seen(images[at], at)
            continue
        rows = int(levels[number])
        size = (rows, max(2, round(width * rows / height)))
        small = functional.interpolate(images[at], size, mode="bilinear", antialias=True)
        mode = "bilinear" if float(uniform(generator, 1)) < 0.7 else "bicubic"
        result[at] = functional.interpolate(seen(small, at), (height, width), mode=mode)
    return result.clamp_(0, 1)


def _levels(generator: torch.Generator, count: int) -> Tensor:
    """Draw `(count,)` heights, one from each part of the table."""
    place = torch.arange(count, device=generator.device) + uniform(generator, count)
    place = place * ((len(HEIGHTS) - 1) / count)
    table = torch.tensor(HEIGHTS, device=generator.device)
    below = place.long().clamp(max=len(HEIGHTS) - 2)
    return table[below].lerp(table[below + 1], place - below).round()
