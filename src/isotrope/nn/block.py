"""The pre-norm block, its feed-forward, and the plain layer of a group CNN."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.conv import GroupConv, check_centered
from isotrope.nn.fast.chunks import images_at_once, in_chunks
from isotrope.nn.norm import Norm
from isotrope.nn.residual import ResidualScale


class FeedForward(nn.Sequential):
    """Two linear maps on each token: `W2 gelu(W1 F)`. Pointwise, and therefore equivariant."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, ratio: float = 4.0) -> None:
        hidden = int(dim * ratio)
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class Block(nn.Module):
    """`F + mixer(norm(F))`, then `F + mlp(norm(F))`; by default norms are over channels only.

    `mixer` is any equivariant map of `(B, |G|, H, W, dim)` to itself: one of the attention layers,
    or a depthwise `GroupConv` for the equivariant CNN.

    Args:
        layer_scale, drop_path: as in `ResidualScale`, for both branches; deep models need them.

    Raises:
        ValueError: not a lifted signal of `dim` channels.
    """

    takes, gives = "lifted", "lifted"

    def __init__(
        self,
        dim: int,
        mixer: nn.Module,
        mlp_ratio: float = 4.0,
        norm: Norm = nn.LayerNorm,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.mixer_norm, self.mixer = norm(dim), mixer
        self.mlp_norm, self.mlp = norm(dim), FeedForward(dim, mlp_ratio)
        scaled = layer_scale is not None or drop_path
        self.mixer_scale, self.mlp_scale = (
            ResidualScale(dim, layer_scale, drop_path) if scaled else nn.Identity()
            for _ in range(2)
        )
        self._mix_whole = getattr(getattr(mixer, "encoding", None), "whole_batch", False)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C2"]:
        if lifted.ndim != 5 or lifted.shape[4] != self.dim:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal of {self.dim} channels; "
                f"give (B, |G|, H, W, {self.dim})"
            )
        images = images_at_once(self, lifted)
        mixed = in_chunks(self._mix, lifted, None if self._mix_whole else images)
        return in_chunks(self._feed, mixed, images)

    def _mix(self, lifted: Tensor) -> Tensor:
        return lifted + self.mixer_scale(self.mixer(self.mixer_norm(lifted)))

    def _feed(self, lifted: Tensor) -> Tensor:
        return lifted + self.mlp_scale(self.mlp(self.mlp_norm(lifted)))


class ConvLayer(nn.Module):
    """`gelu(norm(W * F))` with a full `GroupConv`: the layer of a group CNN, Cohen & Welling 2016.

    It learns faster than a `Block` from few images: it has a nonlinearity after every filter and no
    residual path. Maps `(B, |G|, H, W, in_dim)` to `dim` channels.

    Raises:
        ValueError: an even kernel, which is not centered on a position.
    """

    takes, gives = "lifted", "lifted"

    def __init__(
        self,
        in_dim: int,
        dim: int,
        kernel_size: int,
        group: Group,
        norm: Norm = nn.LayerNorm,
    ) -> None:
        super().__init__()
        check_centered(kernel_size)
        padding = kernel_size // 2
        self.conv = GroupConv(in_dim, dim, kernel_size, padding=padding, group=group, bias=False)
        self.norm, self.activation = norm(dim), nn.GELU()

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C2"]:
        return self.activation(self.norm(self.conv(lifted)))
