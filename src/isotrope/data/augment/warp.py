"""Perspective, curved surfaces and small elastic warps, as of handwriting."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import chosen, column, normal, severities, uniform
from isotrope.data.augment.fields import clouds, positions, sides


def warp(
    images: Tensor,
    generator: torch.Generator,
    severity: float | Tensor = 1.0,
    elastic: float = 0.012,
) -> Tensor:
    """Warp half of the images `(B, C, H, W)` at severity 1; borders are repeated.

    No point moves by more than about a tenth of the height.

    Args:
        elastic: the standard deviation of small random displacements, in image heights; handwriting
            tolerates 0.03.
    """
    severity = severities(severity, images)
    at = chosen(generator, 0.5 * severity)
    if not len(at):
        return images
    strength = column(severity[at].clamp(max=2))
    size = sides(images)
    moves = perspective(generator, len(at), size) + curves(generator, len(at), size)
    moves = moves + elastic * clouds(generator, len(at), size, 3.0, channels=2)
    result = images.clone()
    result[at] = moved(images[at], strength * moves)
    return result


def perspective(generator: torch.Generator, count: int, size: tuple[int, int]) -> Tensor:
    """Displacements `(count, 2, H, W)`, in image heights, of a tilted plane."""
    x, y = positions(*size, generator.device)
    along = x / (size[1] / size[0])
    narrow, shear = (column(0.05 * normal(generator, count).clamp(-2, 2)) for _ in range(2))
    return torch.cat((shear * y + 0 * along, narrow * along * y * 2), dim=1)


def curves(generator: torch.Generator, count: int, size: tuple[int, int]) -> Tensor:
    """Displacements `(count, 2, H, W)`, in image heights, that curve level lines."""
    x, y = positions(*size, generator.device)
    along = x / (size[1] / size[0]) + 0 * y
    bow = column(
        0.06 * normal(generator, count).clamp(-1.5, 1.5) * (uniform(generator, count) < 0.4)
    )
    wave = column(0.015 * normal(generator, count).clamp(-2, 2))
    phase = column(uniform(generator, count, 0.0, 6.3))
    rise = bow * (4 * along**2 - 0.33) + wave * torch.sin(2.5 * x + 0 * y + phase)
    return torch.cat((torch.zeros_like(rise), rise), dim=1)


def moved(images: Tensor, moves: Tensor) -> Tensor:
    """Sample images `(B, C, H, W)` at pixels displaced by `(B, 2, H, W)`, x and y in image heights.

    Bilinear, borders repeated.
    """
    height, width = images.shape[-2:]
    x, y = positions(height, width, images.device)
    x_in = (x + moves[:, 0]) * (2 * height / width)
    y_in = (y + moves[:, 1]) * 2
    grid = torch.stack((x_in, y_in), dim=-1)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
