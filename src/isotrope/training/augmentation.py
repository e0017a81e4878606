"""Turning training images at random, as one does for a model that is not equivariant."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

AUGMENTATIONS = ("none", "turns", "angles")


def augmented(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Images `(B, C, H, W)`, each turned as its own draw says.

    Args:
        kind: "none"; "turns", a quarter turn out of four; "angles", any angle.

    Raises:
        ValueError: quarter turns of images that are not square.
    """
    if kind == "turns":
        return _quarters(images, torch.randint(4, (len(images),), generator=generator))
    if kind == "angles":
        return turned(images, torch.rand(len(images), generator=generator) * 2 * math.pi)
    return images


def turned(images: Tensor, angles: Tensor) -> Tensor:
    """Images `(B, C, H, W)` turned counter-clockwise by `angles` `(B,)` in radians, bilinearly.

    What comes from outside an image repeats its border: no colour that the image does not have.
    """
    rows, columns = images.shape[2:]
    cos, sin = torch.cos(angles), torch.sin(angles)
    # Of each output pixel, the input point, in units of half a side.
    theta = torch.stack([cos, -sin * rows / columns, 0 * cos, sin * columns / rows, cos, 0 * cos])
    theta = theta.T.reshape(-1, 2, 3).to(images)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _quarters(images: Tensor, quarters: Tensor) -> Tensor:
    rows, columns = images.shape[2:]
    if rows != columns:
        raise ValueError(
            f"augment='turns' needs square images, and these are {columns}x{rows} px; "
            "use augment='angles', or crop them"
        )
    result = images.clone()
    for k in range(1, 4):
        result[quarters == k] = torch.rot90(images[quarters == k], k, (2, 3))
    return result
