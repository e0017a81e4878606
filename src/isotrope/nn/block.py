"""The pre-norm block, the plain layer of a CNN, and the steps between two stages."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.attention import pool_positions
from isotrope.nn.conv import GroupConv, check_centred
from isotrope.nn.position import RelativeVectors

Norm = Callable[[int], nn.Module]
"""A norm of lifted signals for a number of channels: `nn.LayerNorm`, `LiftedBatchNorm`."""


AT_ONCE = 2**18
"""Values of a signal that a block takes in one go, in inference on a CPU: those of a few images, so
that what comes between stays in the cache. For a large batch it would each time be fresh memory,
which costs as much as the products."""


class FeedForward(nn.Sequential):
    """Two linear maps on each token: `W2 gelu(W1 F)`. Pointwise, so equivariant as it is."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, ratio: float = 4.0) -> None:
        hidden = int(dim * ratio)
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class Block(nn.Module):
    """`F + mixer(norm(F))`, then `F + mlp(norm(F))`; norms are over channels only unless given.

    `mixer` is any equivariant map of `(B, |G|, H, W, dim)` to itself: one of the attention layers,
    or a depthwise `GroupConv` for the equivariant CNN.

    Raises:
        ValueError: not a lifted signal of `dim` channels.
    """

    takes, gives = "lifted", "lifted"

    def __init__(
        self, dim: int, mixer: nn.Module, mlp_ratio: float = 4.0, norm: Norm = nn.LayerNorm
    ) -> None:
        super().__init__()
        self.dim = dim
        self.mixer_norm, self.mixer = norm(dim), mixer
        self.mlp_norm, self.mlp = norm(dim), FeedForward(dim, mlp_ratio)
        # Relative vectors go through in runs of queries, which are better for the whole batch.
        self._whole = isinstance(getattr(mixer, "encoding", None), RelativeVectors)

    def forward(self, lifted: Tensor) -> Tensor:
        if lifted.ndim != 5 or lifted.shape[4] != self.dim:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal of {self.dim} channels; "
                f"give (B, |G|, H, W, {self.dim})"
            )
        images = self._at_once(lifted)
        mixed = self._few(self._mix, lifted, None if self._whole else images)
        return self._few(self._feed, mixed, images)

    def _mix(self, lifted: Tensor) -> Tensor:
        return lifted + self.mixer(self.mixer_norm(lifted))

    def _feed(self, lifted: Tensor) -> Tensor:
        return lifted + self.mlp(self.mlp_norm(lifted))

    def _few(self, half: Callable[[Tensor], Tensor], lifted: Tensor, images: int | None) -> Tensor:
        """One of the block's two halves, so many images at a time; `None`: all of them."""
        if images is None:
            return half(lifted)
        return torch.cat([half(run) for run in lifted.split(images)])

    def _at_once(self, lifted: Tensor) -> int | None:
        """Images to take in one go; `None`, all, where gradients or watched values are wanted."""
        whole = torch.is_grad_enabled() or torch.compiler.is_compiling()
        if whole or lifted.device.type != "cpu" or lifted.numel() <= AT_ONCE:
            return None
        inner = (m for layer in self.children() for m in layer.modules())
        if any(m._forward_hooks or m._forward_pre_hooks for m in inner):
            return None  # an audit wants the whole batch
        return max(1, len(lifted) * AT_ONCE // lifted.numel())


class ConvLayer(nn.Module):
    """`gelu(norm(W * F))` with a full `GroupConv`: the layer of a group CNN, Cohen & Welling 2016.

    Of an image on few data it learns faster than a `Block`: what it filters passes a nonlinearity
    at every layer, and nothing passes it by. Maps `(B, |G|, H, W, in_dim)` to `dim` channels.

    Raises:
        ValueError: an even kernel, which would not sit on the positions.
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
        check_centred(kernel_size)
        padding = kernel_size // 2
        self.conv = GroupConv(in_dim, dim, kernel_size, padding=padding, group=group, bias=False)
        self.norm, self.activation = norm(dim), nn.GELU()

    def forward(self, lifted: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(lifted)))


class MeanPool(nn.Module):
    """Means of `stride x stride` positions: `(B, |G|, H, W, C)` -> `(B, |G|, H/s, W/s, C)`.

    Raises:
        ValueError: a grid that the stride does not tile.
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, lifted: Tensor) -> Tensor:
        return pool_positions(lifted, self.stride, "stride")

    def extra_repr(self) -> str:
        return f"stride={self.stride}"


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
        self,
        in_dim: int,
        out_dim: int,
        stride: int,
        group: Group,
        kernel_size: int | None = None,
        norm: Norm = nn.LayerNorm,
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
        self.norm = norm(out_dim)

    def forward(self, lifted: Tensor) -> Tensor:
        return self.norm(self.conv(lifted))
