"""Colors of signs, covers and screens, as ink and as background."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from isotrope.data.augment.draws import column, normal, uniform

_LUMA = (0.299, 0.587, 0.114)


class _Paint(NamedTuple):
    color: tuple[float, float, float]
    """Red, green and blue."""
    ground: int
    """Its weight as a background."""
    ink: int
    """Its weight as ink."""


_PAINTS = (
    _Paint((0.95, 0.95, 0.95), 22, 42),
    _Paint((0.07, 0.07, 0.08), 16, 24),
    _Paint((0.55, 0.55, 0.56), 12, 4),
    _Paint((0.30, 0.30, 0.31), 10, 3),
    _Paint((0.76, 0.12, 0.13), 8, 7),
    _Paint((0.06, 0.27, 0.58), 8, 5),
    _Paint((0.30, 0.55, 0.80), 4, 2),
    _Paint((0.95, 0.80, 0.15), 5, 6),
    _Paint((0.92, 0.50, 0.12), 3, 2),
    _Paint((0.10, 0.42, 0.22), 4, 2),
    _Paint((0.38, 0.25, 0.15), 5, 2),
    _Paint((0.92, 0.86, 0.70), 6, 4),
    _Paint((0.80, 0.25, 0.45), 1, 1),
)


def luminance(colors: Tensor) -> Tensor:
    """Luminance by ITU-R BT.601 of RGB in [0, 1]: `(..., 3)` to `(...)`."""
    return colors @ torch.tensor(_LUMA, device=colors.device, dtype=colors.dtype)


def brightness(images: Tensor) -> Tensor:
    """Luminance of each pixel: `(B, 3, H, W)` to `(B, 1, H, W)`."""
    red, green, blue = _LUMA
    return red * images[:, :1] + green * images[:, 1:2] + blue * images[:, 2:]


def grounds_and_inks(
    generator: torch.Generator, count: int, least: float | Tensor = 0.25
) -> tuple[Tensor, Tensor]:
    """Two colors `(count, 3)` with luminances at least `least` apart (`(count,)` or one value)."""
    ground, ink = paints(generator, count, "ground"), paints(generator, count, "ink")
    return ground, apart(ink, ground, least)


def paints(generator: torch.Generator, count: int, use: Literal["ground", "ink"]) -> Tensor:
    """Draw `(count, 3)` colors near those of the table, by their weights for this use."""
    device = generator.device
    table = torch.tensor([paint.color for paint in _PAINTS], device=device)
    shares = [float(paint.ink if use == "ink" else paint.ground) for paint in _PAINTS]
    weights = torch.tensor(shares, device=device).cumsum(0)
    drawn = torch.searchsorted(weights, uniform(generator, count, 0.0, 0.999) * weights[-1])
    shade = torch.exp(0.25 * normal(generator, count, 1))
    return (table[drawn] * shade + 0.02 * normal(generator, count, 3)).clamp(0, 1)


def apart(colors: Tensor, others: Tensor, least: float | Tensor) -> Tensor:
    """Move `colors` toward black or white until their luminance is `least` from `others`'."""
    own, other = luminance(colors), luminance(others)
    up = torch.where((own - other).abs() < 0.02, other < 0.5, own > other)
    up = torch.where(other + least > 1, torch.zeros_like(up), up)
    up = torch.where(other - least < 0, torch.ones_like(up), up)
    wanted = torch.where(up, other + least, other - least)
    enough = torch.where(up, own >= wanted, own <= wanted)
    white = up.to(colors)[:, None]
    # own + share * (white - own) = wanted
    share = ((wanted - own) / (white[:, 0] - own + 1e-6 * (2 * white[:, 0] - 1))).clamp(0, 1)
    return torch.where(
        enough[:, None], colors, colors.lerp(white.expand_as(colors), share[:, None])
    )


def filled(colors: Tensor, height: int, width: int) -> Tensor:
    """Images `(B, 3, H, W)` of one color each."""
    return column(colors).expand(-1, -1, height, width).contiguous()


def tints(generator: torch.Generator, count: int, strength: float) -> Tensor:
    """RGB gains `(count, 3)` around 1, from warm to cool light."""
    warm = normal(generator, count) * strength
    green = normal(generator, count) * strength * 0.4
    return torch.exp(torch.stack((warm, green, -warm), dim=1))
