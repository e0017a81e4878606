"""Smooth random fields over the pixels of a batch, for textures, light and shadows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import column, normal, uniform


def sides(images: Tensor) -> tuple[int, int]:
    """Height and width of images `(..., H, W)`."""
    height, width = images.shape[-2:]
    return height, width


def positions(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x `(1, W)` and y `(H, 1)` of pixel centers from the image's middle, in image heights."""
    x = (torch.arange(width, device=device) - (width - 1) / 2) / height
    y = (torch.arange(height, device=device) - (height - 1) / 2) / height
    return x[None], y[:, None]


def clouds(
    generator: torch.Generator, count: int, size: tuple[int, int], knots: float, channels: int = 1
) -> Tensor:
    """Normal noise at `knots` points per image height, interpolated: `(count, channels, H, W)`."""
    height, width = size
    rows, columns = max(2, round(knots) + 1), max(2, round(knots * width / height) + 1)
    coarse = normal(generator, count, channels, min(rows, height), min(columns, width))
    return functional.interpolate(coarse, size, mode="bilinear", align_corners=True)


def octaves(generator: torch.Generator, count: int, size: tuple[int, int], rough: Tensor) -> Tensor:
    """Noise at many scales, as on walls and foliage: `(count, 1, H, W)`, variance about 1.

    The octave with `2 ** k` knots has amplitude `rough ** k`, with `rough` `(count,)` in [0, 1].
    """
    total, power = torch.zeros(count, 1, *size, device=generator.device), torch.zeros_like(rough)
    for octave, knots in enumerate((1, 2, 4, 8, 16)):
        amplitude = rough**octave
        total += column(amplitude) * clouds(generator, count, size, knots)
        power += 0.5 * amplitude**2
    return total / column(power.sqrt())


def stripes(generator: torch.Generator, count: int, size: tuple[int, int]) -> Tensor:
    """Stripes as of boards, bricks, blinds and wood grain: `(count, 1, H, W)`, about -1 to 1."""
    x, y = positions(*size, generator.device)
    angle = normal(generator, count) * 0.15 + (uniform(generator, count) < 0.4) * (torch.pi / 2)
    across = x * column(angle.sin()) + y * column(angle.cos())  # (count, 1, H, W)
    wavy = clouds(generator, count, size, 1.5) * column(uniform(generator, count, 0.0, 0.08))
    rate = column(torch.exp(uniform(generator, count, 0.0, 3.0)) * torch.pi)
    waves = torch.sin((across + wavy) * rate + column(uniform(generator, count, 0.0, 6.3)))
    return torch.tanh(waves * column(torch.exp(uniform(generator, count, -1.0, 2.0))))


def edge(generator: torch.Generator, count: int, size: tuple[int, int], level: bool) -> Tensor:
    """An edge, soft or sharp: 1 on one side of a line, 0 on the other; `(count, 1, H, W)`.

    With `level`, the line is within 20 degrees of horizontal or vertical; else at any angle.
    """
    x, y = positions(*size, generator.device)
    aspect = size[1] / size[0]
    if level:
        turned = (uniform(generator, count) < 0.4) * (torch.pi / 2)
        angle = turned + normal(generator, count) * 0.12
        angle = angle + (uniform(generator, count) < 0.5) * torch.pi
    else:
        angle = uniform(generator, count, 0.0, 2 * torch.pi)
    reach = 0.5 * (angle.sin().abs() * aspect + angle.cos().abs())
    offset = reach * uniform(generator, count, -0.3, 1.0)
    distance = x * column(angle.sin()) + y * column(angle.cos()) - column(offset)
    sharpness = torch.exp(uniform(generator, count, 1.5, 4.5))
    return torch.sigmoid(distance * column(sharpness))


def ramp(generator: torch.Generator, count: int, size: tuple[int, int]) -> Tensor:
    """A randomly tilted plane, from about -1 to 1 over the image: `(count, 1, H, W)`."""
    x, y = positions(*size, generator.device)
    slopes = normal(generator, 2, count)
    aspect = size[1] / size[0]
    return x * column(slopes[0] / aspect) + y * column(slopes[1])
