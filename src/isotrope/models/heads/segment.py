"""The head of dense predictions: maps at the image's resolution from a pyramid of features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn import ConvLayer, LoweringConv, Upsample
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
        # Narrowed before it is upsampled: the filter is the largest cost of the head.
        self.narrow = nn.Linear(coarse_dim, dim)
        self.conv = ConvLayer(2 * dim, dim, 3, group, norm)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        return self.conv(torch.cat((fine, self.upsample(self.narrow(coarse))), dim=-1))


class SegmentHead(nn.Module):
    """Maps at the resolution of the image from the pyramid that `EquivariantViT.features` gives.

    The decoder of a U-Net: from the coarsest signal up, each is upsampled and merged with the next
    finer one (`Merge`); `LoweringConv` then draws the maps in the pixels of the image. A turned
    image gives the turned maps, and turned vectors, to every element of the group.

    Takes signals `(B, |G|, H/s, W/s, C_s)`, the finest first, and gives `(B, maps, H, W)`; with
    `vectors`, a tuple of these maps and a field `(B, 2, H, W)`, `(column, row)`.

    Args:
        dims: channels of each signal of the pyramid.
        strides: pixels per position of each.
        maps: number of invariant maps, such as logits and distances; 0 with `vectors`: none.
        vectors: whether to give a field of vectors too.

    Raises:
        ValueError: nothing to give, or a signal that is finer than the one before it.
    """

    def __init__(
        self,
        dims: Sequence[int],
        strides: Sequence[int],
        group: Group,
        maps: int = 1,
        vectors: bool = False,
        norm: Norm = nn.LayerNorm,
    ) -> None:
        super().__init__()
        if maps < 0 or not (maps or vectors):
            raise ValueError(f"maps={maps} without vectors gives nothing; give 1 or more")
        steps = [coarse / fine for fine, coarse in pairwise(strides)]
        if any(step < 1 or step % 1 for step in steps):
            raise ValueError(
                f"strides={tuple(strides)} do not grow by whole factors; give the finest first"
            )
        levels = zip(dims, dims[1:], map(int, steps), strict=False)
        self.merges = nn.ModuleList(Merge(*level, group, norm) for level in levels)
        first, fine = dims[0], strides[0]
        self.maps = LoweringConv(first, maps, fine, group=group) if maps else None
        self.vectors = LoweringConv(first, 2, fine, group=group, vectors=True) if vectors else None

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor | tuple[Tensor, Tensor]:
        lifted = pyramid[-1]
        for merge, fine in zip(reversed(self.merges), reversed(pyramid[:-1]), strict=True):
            lifted = merge(fine, lifted)
        drawn = [layer(lifted) for layer in (self.maps, self.vectors) if layer is not None]
        return (drawn[0], drawn[1]) if len(drawn) == 2 else drawn[0]
