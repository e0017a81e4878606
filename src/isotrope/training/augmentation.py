"""Random turns and warps of training images, for symmetries that a model does not have."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

AUGMENTATIONS = ("none", "turns", "angles", "affine", "elastic")
SCALE, SHEAR, SHIFT = 0.1, 0.1, 0.04
"""For "affine": sizes from 1 - SCALE to 1 + SCALE, slants up to SHEAR, shifts in side lengths."""
KNOTS, STRETCH = 5, 0.03
"""For "elastic": KNOTS x KNOTS points move by normal draws with deviation STRETCH, in sides."""


def augmented(
    images: Tensor, kind: str, generator: torch.Generator, shift: float = SHIFT, warp: float = 1.0
) -> Tensor:
    """Images `(B, C, H, W)`, each randomly turned and warped.

    Args:
        kind: "none"; "turns": one of the four quarter turns; "angles": any angle; "affine": any
            angle, a size, a slant and a shift; "elastic": all that and a smooth random warp.
        shift: Maximum shift for "affine" and "elastic", in side lengths.
        warp: Factor on their sizes, slants and smooth warp.

    Raises:
        ValueError: "turns" for images that are not square.
    """
    if kind == "turns":
        return _quarters(images, torch.randint(4, (len(images),), generator=generator))
    if kind == "none":
        return images
    angles = torch.rand(len(images), generator=generator) * 2 * math.pi
    if kind == "angles":
        return turned(images, angles)
    return _warped(images, angles, shift, warp, kind == "elastic", generator)


def turned(images: Tensor, angles: Tensor) -> Tensor:
    """Images `(B, C, H, W)` turned counter-clockwise by `angles` `(B,)` in radians, bilinearly.

    The border is repeated outside the image, so that no new color appears.
    """
    return _sampled(images, _rotations(angles), torch.zeros(1, 2, 1, 1))


def _warped(
    images: Tensor,
    angles: Tensor,
    shift: float,
    warp: float,
    elastic: bool,
    generator: torch.Generator,
) -> Tensor:
    sizes, slants, *shifts = torch.rand(4, len(images), generator=generator) * 2 - 1
    matrices = _rotations(angles) / (1 + warp * SCALE * sizes)[:, None, None]
    matrices[:, :, 1] += warp * SHEAR * slants[:, None] * matrices[:, :, 0]
    moves = 2 * shift * torch.stack(shifts, dim=1)[:, :, None, None]
    if elastic:
        knots = torch.randn(len(images), 2, KNOTS, KNOTS, generator=generator)
        smooth = F.interpolate(knots, images.shape[2:], mode="bicubic")
        moves = moves + 2 * warp * STRETCH * smooth
    # Bicubic, to avoid more blur in data sets whose images were already turned.
    return _sampled(images, matrices, moves, mode="bicubic")


def _rotations(angles: Tensor) -> Tensor:
    """`(B, 2, 2)`: maps each output pixel (column, row) to its input point, about the center."""
    cos, sin = torch.cos(angles), torch.sin(angles)
    return torch.stack((cos, -sin, sin, cos), dim=1).view(-1, 2, 2)


def _sampled(images: Tensor, matrices: Tensor, moves: Tensor, mode: str = "bilinear") -> Tensor:
    """Images sampled at the points `M p + move`.

    Args:
        matrices: `(B, 2, 2)`, for points in pixels from the center.
        moves: `(B, 2, H, W)` or `(B, 2, 1, 1)`, in half sides.
    """
    rows, columns = images.shape[2:]
    sides = torch.tensor([columns, rows])
    matrices = matrices * sides / sides[:, None]  # in half sides, as in torch's grids
    theta = torch.cat((matrices, torch.zeros(len(images), 2, 1)), dim=2).to(images)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    grid = grid + moves.movedim(1, -1).to(grid)
    return F.grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=False)


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
