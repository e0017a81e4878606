"""Uneven light: gradients, vignettes, cast shadows, glare, and colored lamps."""

from __future__ import annotations

import torch
from torch import Tensor

from isotrope.data.augment.draws import chosen, column, normal, severities, uniform
from isotrope.data.augment.fields import clouds, edge, positions, ramp, sides
from isotrope.data.augment.palette import tints


def light(images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0) -> Tensor:
    """Relight images `(B, 3, H, W)`: multiply by a spatially varying gain, and add glare."""
    severity = severities(severity, images)
    count, size = len(images), sides(images)
    gain = torch.zeros(count, 1, *size, device=images.device)
    if some := len(at := chosen(generator, 0.5 * severity)):
        gain[at] += column(0.35 * normal(generator, some)) * ramp(generator, some, size)
    if some := len(at := chosen(generator, 0.2 * severity)):
        gain[at] += column(0.15 * normal(generator, some)) * clouds(generator, some, size, 1.0)
    if some := len(at := chosen(generator, 0.12 * severity)):
        gain[at] -= vignettes(generator, some, size)
    if some := len(at := chosen(generator, 0.12 * severity)):
        dark = column(uniform(generator, some, 0.2, 0.9))
        gain[at] -= dark * edge(generator, some, size, False)
    lamp = column(tints(generator, count, 0.08) ** severity[:, None])
    result = images * gain.exp_()
    result *= lamp
    if some := len(at := chosen(generator, 0.08 * severity)):
        result[at] += glare(generator, some, size)
    return result.clamp_(0, 1)


def vignettes(generator: torch.Generator, count: int, size: tuple[int, int]) -> Tensor:
    """Log of how much darker each point is than a bright spot: `(count, 1, H, W)`."""
    x, y = positions(*size, generator.device)
    aspect = size[1] / size[0]
    x = x / aspect - column(uniform(generator, count, -0.5, 0.5))
    y = y - column(uniform(generator, count, -0.5, 0.5))
    return column(uniform(generator, count, 0.3, 1.2)) * (x**2 + y**2)


def glare(generator: torch.Generator, count: int, size: tuple[int, int]) -> Tensor:
    """Light of a reflection, to be added: a soft spot, long or round, `(count, 1, H, W)`."""
    x, y = positions(*size, generator.device)
    aspect = size[1] / size[0]
    x = x - column(aspect * uniform(generator, count, -0.6, 0.6))
    y = y - column(uniform(generator, count, -0.6, 0.6))
    wide, high = (column(uniform(generator, count, 0.2, 1.2)) for _ in range(2))
    return column(uniform(generator, count, 0.1, 0.6)) * torch.exp(
        -((x / wide) ** 2) - (y / high) ** 2
    )
