"""A full filter as one matrix on patches, for inference at few positions. Plain twin: `conv2d`.

On a CPU `conv2d` reorders the filters of all orientations (|G| times the free weight) at every
call. With many positions that costs less than copying the patches.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

FEW = 128
"""Number of positions in a batch up to which the matrix is faster; measured on two cores."""


def few_positions(lifted: Tensor, stride: int) -> bool:
    """Whether a batch `(B, |G|, H, W, C)` has few enough positions for `patches_by_filters`."""
    return lifted.shape[0] * lifted.shape[2] * lifted.shape[3] // stride**2 <= FEW


def patches_by_filters(
    lifted: Float[Tensor, "B G H W I"],
    bank: Float[Tensor, "GO G*I k k"],
    bias: Float[Tensor, " GO"] | None,
    stride: int,
    padding: int,
) -> Float[Tensor, "B G H2 W2 GO//G"]:
    """Filters `(|G|*C_out, |G|*C_in, k, k)` on `(B, |G|, H, W, C_in)`: `(B, |G|, H', W', C_out)`.

    `bank` should have its channels last in memory, or it is copied at every call.
    """
    side, order = bank.shape[-1], lifted.shape[1]
    padded = F.pad(lifted, (0, 0, padding, padding, padding, padding))
    patches = padded.unfold(2, side, stride).unfold(3, side, stride)  # (B, G, H', W', C, k, k)
    patches = patches.permute(0, 2, 3, 5, 6, 1, 4).flatten(3)  # (B, H', W', k*k*G*C)
    filtered = F.linear(patches, bank.permute(0, 2, 3, 1).flatten(1), bias)
    return filtered.unflatten(3, (order, -1)).permute(0, 3, 1, 2, 4)


def plain_patches_by_filters(
    lifted: Float[Tensor, "B G H W I"],
    bank: Float[Tensor, "GO G*I k k"],
    bias: Float[Tensor, " GO"] | None,
    stride: int,
    padding: int,
) -> Float[Tensor, "B G H2 W2 GO//G"]:
    """`conv2d` on the planes of all orientations."""
    planes = lifted.permute(0, 1, 4, 2, 3).flatten(1, 2)  # (B, G*C, H, W)
    filtered = F.conv2d(planes, bank, bias, stride, padding)
    return filtered.unflatten(1, (lifted.shape[1], -1)).permute(0, 1, 3, 4, 2)
