"""Backgrounds for text, in batches: walls, boards, defocused scenes, paper."""

from __future__ import annotations

import torch
from torch import Tensor

from isotrope.data.augment.draws import chosen, column, normal, uniform
from isotrope.data.augment.fields import clouds, edge, octaves, ramp, stripes
from isotrope.data.augment.palette import apart, filled, luminance, paints


def scenes(
    generator: torch.Generator, colors: Tensor, severity: Tensor, size: tuple[int, int]
) -> Tensor:
    """Photographed surfaces in about `colors` `(B, 3)`: `(B, 3, H, W)`, flat at severity 0.

    Gradients, noise of many octaves, stripes, and areas of other colors with soft or sharp edges.
    """
    images = filled(colors, *size)
    if count := len(at := chosen(generator, 0.5 * severity)):
        amplitude = column(0.12 * torch.exp(0.7 * normal(generator, count)))
        images[at] += amplitude * ramp(generator, count, size)
    if count := len(at := chosen(generator, 0.45 * severity)):
        amplitude = column(0.05 * torch.exp(0.7 * normal(generator, count)))
        rough = uniform(generator, count, 0.3, 1.0)
        hue = column(1 + 0.3 * normal(generator, count, 3))
        images[at] += amplitude * hue * octaves(generator, count, size, rough)
    if count := len(at := chosen(generator, 0.08 * severity)):
        amplitude = column(uniform(generator, count, 0.01, 0.08))
        images[at] += amplitude * stripes(generator, count, size)
    for chance, level in ((0.3, True), (0.15, True), (0.15, False)):
        if count := len(at := chosen(generator, chance * severity)):
            other = column(_beside(generator, colors[at]))
            images[at] = images[at].lerp(other, edge(generator, count, size, level))
    return images


def _beside(generator: torch.Generator, colors: Tensor) -> Tensor:
    """Colors of adjacent areas: half the time a shade of the background, else any color."""
    count = len(colors)
    shade = colors * column(torch.exp(0.4 * normal(generator, count)))[:, :, 0, 0]
    anything = paints(generator, count, "ground")
    return torch.where(uniform(generator, count)[:, None] < 0.6, shade, anything)


def papers(
    generator: torch.Generator, count: int, severity: Tensor, size: tuple[int, int]
) -> Tensor:
    """Paper from white to brown and gray, with fibers, stains and folds: `(count, 3, H, W)`."""
    device = generator.device
    dark = 0.55 * uniform(generator, count) ** 2 * severity.clamp(max=1)
    yellow = uniform(generator, count, 0.0, 0.14) * (uniform(generator, count) < 0.4)
    yellow = yellow * severity.clamp(max=1)
    base = 1 - dark[:, None] - yellow[:, None] * torch.tensor([0.2, 0.6, 1.6], device=device)
    images = filled(base, *size)
    if some := len(at := chosen(generator, 0.6 * severity)):
        amplitude = column(0.02 * torch.exp(0.6 * normal(generator, some)))
        rough = uniform(generator, some, 0.6, 1.2)
        images[at] += amplitude * octaves(generator, some, size, rough)
    if some := len(at := chosen(generator, 0.3 * severity)):
        amplitude = column(uniform(generator, some, 0.02, 0.15))
        images[at] -= amplitude * clouds(generator, some, size, 1.0).clamp_(min=0)
    if some := len(at := chosen(generator, 0.05 * severity)):
        images[at] -= 0.2 * edge(generator, some, size, True)
    return images.clamp_(0, 1)


def legible_inks(generator: torch.Generator, grounds: Tensor, least: Tensor) -> Tensor:
    """Ink `(B, 3)` for paper `(B, 3, H, W)`: black, brown, blue, pale; at least `least` darker."""
    count, mean = len(grounds), grounds.mean(dim=(2, 3))
    ink = 0.35 * uniform(generator, count)[:, None] ** 2 * torch.ones(3, device=grounds.device)
    tinted = chosen(generator, torch.full((count,), 0.15, device=grounds.device))
    ink[tinted] += 0.1 * normal(generator, len(tinted), 3)
    pale = uniform(generator, count, 0.0, 0.75) * (uniform(generator, count) < 0.35)
    ink = ink.clamp(0, 1).lerp(mean, pale[:, None])
    return apart(ink, mean, torch.minimum(least, luminance(mean)))
