"""Blur of lens and hand, and the sharpening of cameras, each image with its own kernel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import chosen, column, severities, uniform

REACH = 3
"""Kernels are (2 * REACH + 1) pixels wide and high."""


def blur(
    images: Tensor,
    generator: torch.Generator,
    severity: float | Tensor = 1.0,
    widest: float = 1.6,
) -> Tensor:
    """Images `(B, 3, H, W)` out of focus, moved, or sharpened, half of them at severity 1.

    Args:
        widest: the standard deviation of the widest blur, in pixels.
    """
    severity = severities(severity, images)
    at = chosen(generator, 0.8 * severity)
    count, severity = len(at), severity[at]
    if not count:
        return images
    kind = uniform(generator, count)
    width = widest * uniform(generator, count) ** 2 * severity.clamp(max=2) + 1e-3
    round_ones = gaussian_kernels(width, width, torch.zeros_like(width))
    angle, thin = uniform(generator, count, 0.0, torch.pi), 0.2 * width + 0.2
    moved = gaussian_kernels(1.4 * width, thin, angle)
    defocused = disk_kernels(1.5 * width + 0.3)
    amount = column(uniform(generator, count, 0.2, 1.5))[:, 0]
    sharp = (1 + amount) * identity_kernel(images.device) - amount * gaussian_kernels(
        0.3 + 0.9 * kind, 0.3 + 0.9 * kind, torch.zeros_like(kind)
    )
    kernels = round_ones
    for least, other in ((0.3, defocused), (0.45, moved), (0.55, sharp)):
        kernels = torch.where((kind >= least)[:, None, None], other, kernels)
    result = images.clone()
    result[at] = filtered(images[at], kernels).clamp_(0, 1)
    return result


def filtered(images: Tensor, kernels: Tensor) -> Tensor:
    """Each image `(B, C, H, W)` through its own kernel `(B, k, k)`, `k` odd, borders repeated."""
    count, channels = images.shape[:2]
    reach = kernels.shape[-1] // 2
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    stacked = padded.reshape(1, count * channels, *padded.shape[-2:])
    weight = kernels.repeat_interleave(channels, dim=0)[:, None].to(images)
    return functional.conv2d(stacked, weight, groups=count * channels).reshape(images.shape)


def identity_kernel(device: torch.device, reach: int = REACH) -> Tensor:
    """`(1, k, k)`: 1 in the middle."""
    kernel = torch.zeros(1, 2 * reach + 1, 2 * reach + 1, device=device)
    kernel[0, reach, reach] = 1
    return kernel


def gaussian_kernels(long: Tensor, short: Tensor, angle: Tensor, reach: int = REACH) -> Tensor:
    """`(B, k, k)`, of sum 1: normal, with deviations `long` along `angle`, `short` across it."""
    x, y = _offsets(reach, long.device)
    along = x * column(angle.cos())[:, 0] + y * column(angle.sin())[:, 0]
    across = y * column(angle.cos())[:, 0] - x * column(angle.sin())[:, 0]
    exponent = (along / column(long)[:, 0]) ** 2 + (across / column(short)[:, 0]) ** 2
    kernels = torch.exp(-0.5 * exponent)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)


def disk_kernels(radius: Tensor, reach: int = REACH) -> Tensor:
    """`(B, k, k)`, of sum 1: even within `radius` pixels, the edge a pixel soft."""
    x, y = _offsets(reach, radius.device)
    kernels = (column(radius)[:, 0] + 0.5 - (x**2 + y**2).sqrt()).clamp(0, 1)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)


def _offsets(reach: int, device: torch.device) -> tuple[Tensor, Tensor]:
    steps = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    return steps[None], steps[:, None]
