"""Noise of sensors: gaussian, shot noise that grows with light, speckle; fine or in blotches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import chosen, column, normal, severities, uniform


def noise(images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0) -> Tensor:
    """Images `(B, 3, H, W)` with noise of deviation up to about 0.06 at severity 1, half of them.

    Each with its own share of gray and color, and of three laws: even, growing with the square
    root of the light (shot noise), or with the light (speckle).
    """
    severity = severities(severity, images)
    at = chosen(generator, 0.6 * severity)
    if not len(at):
        return images
    result, size = images.clone(), tuple(images.shape[-2:])
    gray = normal(generator, len(at), 1, *size)
    mixed = normal(generator, len(at), 3, *size)
    mixed += column(torch.exp(2 * normal(generator, len(at)))) * gray
    mixed /= mixed.std((1, 2, 3), keepdim=True)
    if len(coarse := chosen(generator, torch.full_like(severity[at], 0.5))):
        padded = functional.pad(mixed[coarse], (1,) * 4, mode="reflect")
        mixed[coarse] = 2 * functional.avg_pool2d(padded, 3, 1)
    law = uniform(generator, len(at))
    light = torch.where(column(law < 0.4), torch.ones_like(mixed), images[at].sqrt())
    light = torch.where(column(law > 0.85), images[at], light)
    deviation = 0.06 * uniform(generator, len(at)) ** 2 * severity[at].clamp(max=3)
    result[at] += column(deviation) * light * mixed
    return result.clamp_(0, 1)
