"""Images as small as the camera saw them, and enlarged again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import severities, uniform

HEIGHTS = (11.0, 16.0, 19.0, 23.0, 27.0, 32.0, 37.0, 43.0, 50.0, 58.0, 64.0)
"""Pixels that crops of photographs are high: the least, each tenth of them, the greatest."""
LEVELS = 5
"""How many heights the images of one batch have, so that several share one."""


def low_resolution(
    images: Tensor,
    generator: torch.Generator,
    severity: float | Tensor = 1.0,
    seen: Callable[[Tensor, Tensor], Tensor] = lambda images, places: images,
) -> Tensor:
    """Images `(B, 3, H, W)` shrunk to 11 pixels high or more, and enlarged to their size.

    Args:
        severity: the chance that an image is shrunk at all.
        seen: what happens to images while they are small, `(n, 3, h, w)`, and where in the batch
            they are, `(n,)`: blur, noise and blocks of the camera's own pixels.
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
    """`(count,)` heights, one of each part of the table."""
    place = torch.arange(count, device=generator.device) + uniform(generator, count)
    place = place * ((len(HEIGHTS) - 1) / count)
    table = torch.tensor(HEIGHTS, device=generator.device)
    below = place.long().clamp(max=len(HEIGHTS) - 2)
    return table[below].lerp(table[below + 1], place - below).round()
