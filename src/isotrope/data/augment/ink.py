"""Paint letters: filled, outlined, hollow, shadowed, glowing, embossed or in two colors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.blur import box_taps, gaussian_taps, softened
from isotrope.data.augment.draws import chosen, column, normal, uniform
from isotrope.data.augment.fields import clouds, positions, sides
from isotrope.data.augment.palette import apart, paints


def inked(
    grounds: Tensor,
    letters: Tensor,
    others: Tensor,
    inks: Tensor,
    generator: torch.Generator,
    severity: Tensor,
) -> Tensor:
    """Paint letters over backgrounds.

    Args:
        grounds: `(B, 3, H, W)`.
        letters, others: `(B, 1, H, W)` coverage in [0, 1] by the text, and by the text around it.
        inks: `(B, 3)`.
        severity: `(B,)`; at 0, letters are filled with one color.

    Returns:
        `(B, 3, H, W)`.
    """
    count, size = len(grounds), sides(grounds)
    everything = torch.maximum(letters, others)
    images = _under(grounds, everything, inks, generator, severity)
    colors = _colors(inks, size, generator, severity)
    other_inks = inks.clone()
    at = chosen(generator, 0.3 * severity)
    other_inks[at] = paints(generator, len(at), "ink")
    images.lerp_(column(other_inks), others * (1 - letters))
    worn = 1 - 0.4 * (uniform(generator, count) < 0.2 * severity) * uniform(generator, count)
    images.lerp_(colors, letters * column(worn))
    return _embossed(images, letters, generator, severity).clamp_(0, 1)


def _under(images: Tensor, letters: Tensor, inks: Tensor, generator, severity: Tensor) -> Tensor:
    """Paint shadows, glows and outlines, which lie below the letters."""
    at = chosen(generator, 0.14 * severity)
    if len(at):
        cast = _shifted(letters[at], uniform(generator, 2 * len(at), -0.09, 0.09).reshape(-1, 2))
        width = uniform(generator, len(at), 0.3, 2.0)
        cast = softened(cast, gaussian_taps(width))
        dark = cast * column(uniform(generator, len(at), 0.3, 0.9))
        images[at] = images[at] * (1 - dark)
    at = chosen(generator, 0.06 * severity)
    if len(at):
        width = uniform(generator, len(at), 1.5, 3.0)
        glow = softened(letters[at], gaussian_taps(width))
        glow = (3 * glow).clamp_(max=1)
        glow = glow * column(uniform(generator, len(at), 0.3, 0.9))
        images[at] = images[at].lerp_(column(paints(generator, len(at), "ink")), glow)
    at = chosen(generator, 0.08 * severity)
    if len(at):
        rim = softened(letters[at], box_taps(uniform(generator, len(at), 0.5, 2.5)))
        colors = apart(paints(generator, len(at), "ground"), inks[at], 0.3)
        images[at] = images[at].lerp_(column(colors), (8 * rim).clamp_(max=1))
    return images


def _colors(inks: Tensor, size: tuple[int, int], generator, severity: Tensor) -> Tensor:
    """Color of the letters at each pixel `(B, 3, H, W)`: uniform, a gradient, split or worn."""
    colors = column(inks).expand(-1, -1, *size).clone()
    if len(at := chosen(generator, 0.12 * severity)):
        x, y = positions(*size, inks.device)
        second = column((inks[at] + 0.25 * normal(generator, len(at), 3)).clamp(0, 1))
        level = column((uniform(generator, len(at)) < 0.6).float())
        place = level * y + (1 - level) * x * (size[0] / size[1])
        sharp = column(torch.exp(uniform(generator, len(at), 0.5, 4.0)))
        share = torch.sigmoid(sharp * (place - column(uniform(generator, len(at), -0.3, 0.3))))
        colors[at] = colors[at].lerp_(second, share)
    if len(at := chosen(generator, 0.2 * severity)):
        amplitude = column(uniform(generator, len(at), 0.02, 0.12))
        colors[at] += amplitude * clouds(generator, len(at), size, 6.0)
    return colors


def _embossed(images: Tensor, letters: Tensor, generator, severity: Tensor) -> Tensor:
    """Emboss or engrave letters: light edges on one side and dark ones on the other."""
    at = chosen(generator, 0.1 * severity)
    if not len(at):
        return images
    soft = functional.avg_pool2d(functional.pad(letters[at], (1,) * 4, mode="replicate"), 3, 1)
    right = soft.roll(-1, 3) - soft.roll(1, 3)
    down = soft.roll(-1, 2) - soft.roll(1, 2)
    angle = uniform(generator, len(at), 0.0, 2 * torch.pi)
    slope = right * column(angle.cos()) + down * column(angle.sin())
    images[at] += column(uniform(generator, len(at), 0.1, 0.45)) * slope
    return images


def _shifted(masks: Tensor, shift: Tensor) -> Tensor:
    """Shift masks `(B, 1, H, W)` right and down by `shift` `(B, 2)`, in image heights."""
    height, width = masks.shape[-2:]
    matrices = torch.eye(2, 3, device=masks.device).repeat(len(masks), 1, 1)
    matrices[:, 0, 2] = -2 * shift[:, 0] * height / width
    matrices[:, 1, 2] = -2 * shift[:, 1]
    grid = functional.affine_grid(matrices, list(masks.shape), align_corners=False)
    return functional.grid_sample(masks, grid, padding_mode="border", align_corners=False)
