"""From a score for each orientation to a vector at each position."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group


class Arrows(nn.Module):
    """A field of vectors from scores of orientations: `v(x) = sum_g s(x, g) g e`.

    `e = (1, 0)` points to the right. As `(L_h s)(x, g) = s(h^-1 x, h^-1 g)`, the vectors of a
    turned signal are the turned vectors, `h v(h^-1 x)`, without choosing an orientation. With four
    rotations or more, they can have any direction.

    Maps scores `(B, |G|, H, W, 1)` to `(B, 2, H, W)`, `(column, row)`.

    Raises:
        ValueError: not a lifted signal of one channel.
    """

    takes, gives = "lifted", "vectors"

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    def forward(self, scores: Float[Tensor, "B G H W 1"]) -> Float[Tensor, "B 2 H W"]:
        if scores.ndim != 5 or scores.shape[1] != len(self.group) or scores.shape[4] != 1:
            raise ValueError(
                f"shape {tuple(scores.shape)} is not one score for each orientation of "
                f"{self.group!r}; give (B, {len(self.group)}, H, W, 1)"
            )
        return torch.einsum("bghwc,gv->bvhw", scores, self.table(scores))

    def table(self, like: Tensor) -> Float[Tensor, "G 2"]:
        """`g e` for every element, in the dtype and on the device of `like`."""
        group = self.group
        return torch.stack([group.matrix(g)[:, 0] for g in group.elements]).to(like)

    def extra_repr(self) -> str:
        return f"group={self.group!r}"
