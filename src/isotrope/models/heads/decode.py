"""The decoder of a U-Net on a pyramid of lifted signals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn import ConvLayer, Upsample
from isotrope.nn.norm import Norm


class Merge(nn.Module):
    """One step up a U-Net: the finer signal beside the upsampled coarser one, then a filter.

    `conv([F_fine, upsample(F_coarse)])`, with a full 3x3 `GroupConv`, a norm and GELU. Maps
    `(B, |G|, H, W, dim)` and `(B, |G|, H/s, W/s, coarse_dim)` to `(B, |G|, H, W, dim)`.

    Args:
        factor: `s`.
    """

    def __init__(self, dim: int, coarse_dim: int, factor: int, group: Group, norm: Norm) -> None:
        super().__init__()
        self.upsample = Upsample(factor)
        # Narrowed before it is upsampled: the filter is the largest cost of the decoder.
        self.narrow = nn.Linear(coarse_dim, dim)
        self.conv = ConvLayer(2 * dim, dim, 3, group, norm)

    def forward(
        self, fine: Float[Tensor, "B G H W C"], coarse: Float[Tensor, "B G H2 W2 C2"]
    ) -> Float[Tensor, "B G H W C"]:
        return self.conv(torch.cat((fine, self.upsample(self.narrow(coarse))), dim=-1))


class Decoder(nn.Module):
    """From a pyramid, the finest signal first, to one signal as fine as the finest.

    From the coarsest signal up, each is upsampled and merged with the next finer one (`Merge`).
    Takes what `EquivariantViT.features` gives, `(B, |G|, H/s, W/s, C_s)`, and gives
    `(B, |G|, H/s_0, W/s_0, C_0)`.

    Args:
        dims: channels of each signal.
        strides: pixels per position of each.

    Raises:
        ValueError: a signal that is finer than the one before it, or more or fewer signals than
            strides.
    """

    def __init__(
        self,
        dims: Sequence[int],
        strides: Sequence[int],
        group: Group,
        norm: Norm = nn.LayerNorm,
    ) -> None:
        super().__init__()
        if len(dims) != len(strides):
            raise ValueError(
                f"{len(dims)} dims and {len(strides)} strides; give one of each for every signal"
            )
        steps = [coarse / fine for fine, coarse in pairwise(strides)]
        if any(step < 1 or step % 1 for step in steps):
            raise ValueError(
                f"strides={tuple(strides)} do not grow by whole factors; give the finest first"
            )
        levels = zip(pairwise(dims), steps, strict=True)
        self.merges = nn.ModuleList(
            Merge(fine, coarse, int(step), group, norm) for (fine, coarse), step in levels
        )

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        if len(pyramid) != len(self.merges) + 1:
            raise ValueError(
                f"{len(pyramid)} signals for {len(self.merges) + 1} strides; give one for each"
            )
        lifted = pyramid[-1]
        for merge, fine in zip(reversed(self.merges), reversed(pyramid[:-1]), strict=True):
            lifted = merge(fine, lifted)
        return lifted
