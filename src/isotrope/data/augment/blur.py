"""Lens blur, motion blur and camera sharpening, with separate filter taps for each image.

Taps are weights along one direction, applied as sums of shifted images. Convolutions with a
different kernel per image and a different size per batch would spend their time on setup.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import chosen, column, severities, uniform

REACH = 3
"""An image has (2 * REACH + 1) taps along each direction."""


def blur(
    images: Tensor,
    generator: torch.Generator,
    severity: float | Tensor = 1.0,
    widest: float = 1.3,
) -> Tensor:
    """Soften, defocus, motion-blur or sharpen nine in ten of the images `(B, 3, H, W)`.

    Motion is along x or y, or along one diagonal per call.

    Args:
        widest: the standard deviation of the widest blur, in pixels.
    """
    severity = severities(severity, images)
    at = chosen(generator, 0.9 * severity)
    count, severity = len(at), severity[at]
    if not count:
        return images
    kind, way = uniform(generator, 2 * count).reshape(2, count)
    width = widest * uniform(generator, count) ** 1.5 * severity.clamp(max=2) + 0.2
    soft, flat = gaussian_taps(width), box_taps(1.6 * width)
    still = gaussian_taps(torch.full_like(width, 1e-3))
    lens = torch.where((kind < 0.3)[:, None], soft, flat)
    moves, sharpens = (kind > 0.45) & (kind < 0.55), kind > 0.55
    lens = torch.where(sharpens[:, None], gaussian_taps(uniform(generator, count, 0.7, 1.6)), lens)
    level, upright = moves & (way < 0.4), moves & (way > 0.6)
    source = images[at]
    result = along(source, torch.where((moves & ~level)[:, None], still, lens), (0, 1))
    result = along(result, torch.where((moves & ~upright)[:, None], still, lens), (1, 0))
    if bool((slanted := moves & ~level & ~upright).any()):
        direction = (1, 1) if float(uniform(generator, 1)) < 0.5 else (1, -1)
        result[slanted] = along(source[slanted], lens[slanted], direction)
    amount = uniform(generator, count, 0.2, 1.5) * sharpens
    result = result.lerp_(source + column(amount) * (source - result), column(sharpens.float()))
    blurred = images.clone()
    blurred[at] = result.clamp_(0, 1)
    return blurred


def softened(images: Tensor, taps: Tensor) -> Tensor:
    """Filter images `(B, C, H, W)` with the same taps `(B, k)` along x and y."""
    return along(along(images, taps, (0, 1)), taps, (1, 0))


def along(images: Tensor, taps: Tensor, step: tuple[int, int]) -> Tensor:
    """`sum_k taps[b, k] images[b, :, y + k dy, x + k dx]`, `k` from `-reach`, `step` `(dy, dx)`.

    Images `(B, C, H, W)`, taps `(B, 2 * reach + 1)`; borders are repeated.
    """
    height, width = images.shape[-2:]
    reach = taps.shape[1] // 2
    down, right = abs(step[0]) * reach, abs(step[1]) * reach
    padded = functional.pad(images, (right, right, down, down), mode="replicate")
    total = torch.zeros_like(images)
    for k, weight in enumerate(taps.T, start=-reach):
        top, left = down + k * step[0], right + k * step[1]
        total.addcmul_(padded[:, :, top : top + height, left : left + width], column(weight))
    return total


def gaussian_taps(deviation: Tensor, reach: int = REACH) -> Tensor:
    """Gaussian taps `(B, k)` with sum 1, for standard deviations `(B,)` in pixels."""
    steps = torch.arange(-reach, reach + 1, device=deviation.device)
    taps = torch.exp(-0.5 * (steps / deviation[:, None]) ** 2)
    return taps / taps.sum(dim=1, keepdim=True)


def box_taps(radius: Tensor, reach: int = REACH) -> Tensor:
    """Box taps `(B, k)` with sum 1, for radii `(B,)` in pixels; one-pixel soft ends."""
    steps = torch.arange(-reach, reach + 1, device=radius.device)
    taps = (radius[:, None] + 0.5 - steps.abs()).clamp(0, 1)
    taps[:, reach] = taps[:, reach].clamp(min=0.5)
    return taps / taps.sum(dim=1, keepdim=True)
