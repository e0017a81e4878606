"""The pre-norm block, and the strided step between two stages."""

from __future__ import annotations

from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.conv import GroupConv


class FeedForward(nn.Sequential):
    """Two linear maps on each token: `W2 gelu(W1 F)`. Pointwise, so equivariant as it is."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, ratio: float = 4.0) -> None:
        hidden = int(dim * ratio)
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class Block(nn.Module):
    """`F + mixer(norm(F))`, then `F + mlp(norm(F))`; norms over channels only.

    `mixer` is any equivariant map of `(B, |G|, H, W, dim)` to itself: one of the attention layers,
    or a depthwise `GroupConv` for the equivariant CNN.

    Raises:
        ValueError: not a lifted signal of `dim` channels.
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, mixer: nn.Module, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        self.dim = dim
        self.mixer_norm, self.mixer = nn.LayerNorm(dim), mixer
        self.mlp_norm, self.mlp = nn.LayerNorm(dim), FeedForward(dim, mlp_ratio)

    def forward(self, lifted: Tensor) -> Tensor:
        if lifted.ndim != 5 or lifted.shape[4] != self.dim:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal of {self.dim} channels; "
                f"give (B, |G|, H, W, {self.dim})"
            )
        lifted = lifted + self.mixer(self.mixer_norm(lifted))
        return lifted + self.mlp(self.mlp_norm(lifted))


class Downsample(nn.Module):
    """A strided full `GroupConv`, then a norm: `(B, |G|, H, W, C)` -> `(B, |G|, H/s, W/s, C')`.

    The kernel is `2 s` unless given, so that it overlaps its neighbours; `s` merges the positions
    of each patch, with a quarter of the weights. The padding `(kernel - s) / 2` lets it sit
    symmetrically on every size that the stride divides.

    Raises:
        ValueError: a kernel smaller than the stride, or one that cannot sit symmetrically.
    """

    takes, gives = "lifted", "lifted"

    def __init__(
        self, in_dim: int, out_dim: int, stride: int, group: Group, kernel_size: int | None = None
    ) -> None:
        super().__init__()
        kernel = 2 * stride if kernel_size is None else kernel_size
        if kernel < stride or (kernel - stride) % 2:
            raise ValueError(
                f"a kernel of {kernel} with stride={stride} has no padding (kernel - stride) / 2 "
                f"that is whole and not negative; use kernel_size={stride} or {stride + 2}"
            )
        padding = (kernel - stride) // 2
        self.conv = GroupConv(in_dim, out_dim, kernel, stride, padding, group=group, bias=False)
        self.norm = nn.LayerNorm(out_dim)

    def forward(self, lifted: Tensor) -> Tensor:
        return self.norm(self.conv(lifted))
