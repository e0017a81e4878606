"""The head of dense predictions: maps at the image's resolution from a pyramid of features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.models.heads.decode import Decoder
from isotrope.nn import LoweringConv
from isotrope.nn.norm import Norm


class SegmentHead(nn.Module):
    """Maps at the resolution of the image from the pyramid that `EquivariantViT.features` gives.

    `Decoder` joins the pyramid, and `LoweringConv` draws the maps in the pixels of the image. A
    turned image gives the turned maps, and turned vectors, for every element of the group.

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
        self.decoder = Decoder(dims, strides, group, norm)
        first, fine = dims[0], strides[0]
        self.maps = LoweringConv(first, maps, fine, group=group) if maps else None
        self.vectors = LoweringConv(first, 2, fine, group=group, vectors=True) if vectors else None

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor | tuple[Tensor, Tensor]:
        lifted = self.decoder(pyramid)
        drawn = [layer(lifted) for layer in (self.maps, self.vectors) if layer is not None]
        return (drawn[0], drawn[1]) if len(drawn) == 2 else drawn[0]
