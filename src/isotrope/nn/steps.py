"""The steps between two stages, which shrink the grid: `MeanPool` and `Downsample`."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.conv import GroupConv, overlapping, symmetric_padding
from isotrope.nn.norm import Norm
from isotrope.nn.windows import pool_positions


class MeanPool(nn.Module):
    """Means of `stride x stride` positions: `(B, |G|, H, W, C)` -> `(B, |G|, H/s, W/s, C)`.

    Raises:
        ValueError: a grid that the stride does not tile.
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H2 W2 C2"]:
        return pool_positions(lifted, self.stride, "stride")

    def extra_repr(self) -> str:
        return f"stride={self.stride}"


class Downsample(nn.Module):
    """A strided full `GroupConv`, then a norm: `(B, |G|, H, W, C)` -> `(B, |G|, H/s, W/s, C')`.

    The kernel is `2 s` by default, or `2 s - 1` for an odd `s`, so that it overlaps its neighbors;
    a kernel of `s` merges the positions of each patch, with a quarter of the weights. With padding
    `(kernel - s) / 2` it sits symmetrically on every size that the stride divides.

    Raises:
        ValueError: a kernel smaller than the stride, or one that cannot sit symmetrically.
    """

    takes, gives = "lifted", "lifted"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        stride: int,
        group: Group,
        kernel_size: int | None = None,
        norm: Norm = nn.LayerNorm,
    ) -> None:
        super().__init__()
        kernel = overlapping(stride) if kernel_size is None else kernel_size
        padding = symmetric_padding(kernel, stride)
        self.conv = GroupConv(in_dim, out_dim, kernel, stride, padding, group=group, bias=False)
        self.norm = norm(out_dim)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H2 W2 C2"]:
        return self.norm(self.conv(lifted))
