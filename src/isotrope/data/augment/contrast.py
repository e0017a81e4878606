"""Exposure, gamma, haze and clipping, and a guard that keeps text visible."""

from __future__ import annotations

import torch
from torch import Tensor

from isotrope.data.augment.draws import chosen, column, normal, severities, uniform
from isotrope.data.augment.palette import brightness

LEAST_RANGE, STRETCHED = 0.12, 0.24
"""Luminance ranges: an image with less than the first is stretched to the second."""


def contrast(images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0) -> Tensor:
    """Make images `(B, 3, H, W)` darker, lighter, hazy, overexposed or paler."""
    severity = severities(severity, images)
    result = images.clamp(1e-4, 1)
    if some := len(at := chosen(generator, 0.5 * severity)):
        result[at] = result[at].pow_(column(torch.exp(0.25 + 0.5 * normal(generator, some))))
    if some := len(at := chosen(generator, 0.6 * severity)):
        low = uniform(generator, some, 0.0, 0.35) * uniform(generator, some)
        high = 1 - uniform(generator, some, -0.3, 0.45) * uniform(generator, some)
        result[at] = result[at].mul_(column((high - low).clamp(min=0.2))).add_(column(low))
    if some := len(at := chosen(generator, 0.4 * severity)):
        gray = brightness(result[at])
        result[at] = result[at].lerp_(gray, column(uniform(generator, some)))
    return result.clamp_(0, 1)


def legible(images: Tensor) -> Tensor:
    """Stretch images `(B, 3, H, W)` whose luminance range is under 0.12 to a range of 0.24.

    An image with a single luminance has no text to stretch and stays as it is.
    """
    gray = brightness(images)
    least, greatest = gray.amin((1, 2, 3)), gray.amax((1, 2, 3))
    span = greatest - least
    faint = ((span < LEAST_RANGE) & (span > 1e-3)).nonzero()[:, 0]
    if not len(faint):
        return images
    middle = ((least + greatest) / 2).clamp(STRETCHED / 2, 1 - STRETCHED / 2)[faint]
    unit = (gray[faint] - column(least[faint])) / column(span[faint]) - 0.5
    result = images.clone()
    result[faint] = (column(middle) + STRETCHED * unit).expand(-1, 3, -1, -1)
    return result
