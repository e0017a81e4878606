"""Images as small as the camera saw them, and enlarged again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import severities, uniform

HEIGHTS = (11, 13, 15, 18, 21, 25, 30, 38, 48, 64)
"""Pixels that crops are high; as few as this, so that many images of a batch share one."""
SHARES = (1, 3, 6, 12, 14, 14, 13, 13, 12, 12)


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
    shares = torch.tensor(SHARES, dtype=torch.float32, device=images.device)
    level = torch.multinomial(shares, count, replacement=True, generator=generator)
    kept = uniform(generator, count) >= severity
    fits = torch.tensor([h < height for h in HEIGHTS], device=images.device)
    level = torch.where(kept | ~fits[level], len(HEIGHTS), level)
    smooth = uniform(generator, count) < 0.3
    result = torch.empty_like(images)
    for number in level.unique().tolist():
        at = (level == number).nonzero()[:, 0]
        if number == len(HEIGHTS):
            result[at] = seen(images[at], at)
            continue
        size = (HEIGHTS[number], max(2, round(width * HEIGHTS[number] / height)))
        small = functional.interpolate(images[at], size, mode="bilinear", antialias=True)
        small = seen(small, at)
        for mode, here in (("bicubic", smooth[at]), ("bilinear", ~smooth[at])):
            if bool(here.any()):
                result[at[here]] = functional.interpolate(small[here], (height, width), mode=mode)
    return result.clamp_(0, 1)
