"""Sensor noise: Gaussian, shot noise that grows with light, speckle; fine or blotchy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import chosen, column, normal, severities, uniform


def noise(images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0) -> Tensor:
    """Add noise to half of the images `(B, 3, H, W)`; deviation up to about 0.04 at severity 1.

    Each image has its own mix of gray and color noise, fine or blotchy, and its own law: constant,
    or growing with the light as shot noise and speckle do.
    """
    severity = severities(severity, images)
    at = chosen(generator, 0.6 * severity)
    if not len(at):
        return images
    result, size = images.clone(), tuple(images.shape[-2:])
    gray = column(torch.exp(2 * normal(generator, len(at))))
    mixed = normal(generator, len(at), 3, *size)
    mixed += gray * normal(generator, len(at), 1, *size)
    mixed /= (1 + gray**2).sqrt()
    if len(coarse := chosen(generator, torch.full_like(severity[at], 0.5))):
        padded = functional.pad(mixed[coarse], (1,) * 4, mode="reflect")
        mixed[coarse] = 2 * functional.avg_pool2d(padded, 3, 1)
    even = uniform(generator, len(at), -0.3, 1.0).clamp(min=0)
    deviation = 0.04 * uniform(generator, len(at)) ** 2 * severity[at].clamp(max=3)
    mixed *= column(deviation * even) + column(deviation * (1 - even)) * images[at]
    result[at] += mixed
    return result.clamp_(0, 1)
