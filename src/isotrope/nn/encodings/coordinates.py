"""Positions of a grid, and their coordinates in the frame of an orientation."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from isotrope.groups import Group


def coordinates(size: tuple[int, int]) -> Float64[Tensor, "{size[0]}*{size[1]} 2"]:
    """(column, row) of each position relative to the center of the grid, in steps: `(H*W, 2)`.

    In float64 on the CPU: not every accelerator has float64, and 200 steps from the center bfloat16
    is off by a whole step. Move and cast only values computed from them.
    """
    rows, columns = (torch.arange(n, dtype=torch.float64, device="cpu") for n in size)
    y, x = torch.meshgrid(rows - (size[0] - 1) / 2, columns - (size[1] - 1) / 2, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()), dim=-1)


def in_frame(
    group: Group, g: int, points: Float[Tensor, "*points 2"]
) -> Float[Tensor, "*points 2"]:
    """`g^-1 p` for points `(..., 2)`: the same points in the frame of orientation `g`."""
    return points @ group.matrix(group.inverse(g), points.dtype).to(points.device).T
