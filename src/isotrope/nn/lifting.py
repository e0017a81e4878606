"""Lifting: from an image to a signal over positions and orientations."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.attention import LiftedAttention
from isotrope.nn.conv import TurnedFilter, to_lifted
from isotrope.nn.encodings import Encoding, make_encoding
from isotrope.nn.windows import join_windows, split_windows


class LiftingConv(TurnedFilter):
    """Lifts an image: `F(x, g) = sum_c sum_x' f(x') k_c(g^-1 (x' - x))`, [GCSA] eq. 1.

    Every filter is turned by every element of the group. With a stride it is a patch embedding.

    Maps `(B, C_in, H, W)` to `(B, |G|, H', W', C_out)`,
    `H' = (H + 2 padding - kernel) / stride + 1`.

    Raises:
        ValueError: a size on which the stride does not sit symmetrically (see `check_stride`).
    """

    takes, gives = "image", "lifted"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        group: Group,
        bias: bool = True,
    ) -> None:
        super().__init__(group, kernel_size, stride, padding)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.normal_(self.weight, std=1 / math.sqrt(in_channels * kernel_size**2))

    def bank(self, weight: Tensor | None = None) -> Tensor:
        """The turned filters `k(g^-1 x)` as one weight `(|G|*C_out, C_in, k, k)`."""
        return self.each_turn(weight).permute(2, 0, 1, 3, 4).flatten(0, 1)

    def forward(
        self,
        image: Float[Tensor, "B C H W"],
        weight: Float[Tensor, "O C k k"] | None = None,
    ) -> Float[Tensor, "B {self.group.order} H2 W2 O2"]:
        if image.ndim != 4 or image.shape[1] != self.weight.shape[1]:
            raise ValueError(
                f"shape {tuple(image.shape)} is not an image batch; "
                f"give (B, {self.weight.shape[1]}, H, W)"
            )
        bias = None if self.bias is None else self.bias.repeat(self.group.order)
        return to_lifted(self.convolve(image, self.kept_bank(weight), bias), self.group.order)


class LiftingSelfAttention(LiftedAttention):
    """Lifts an image by self-attention, [RC], [LoRA-GSA] section 4.

        A(x; y, g) = softmax_y <q(x), k(y) + W_k rho(g^-1 (y - x))> / sqrt(d)
        out(x, g) = W_out sum_y A(x; y, g) v(y)

    Maps `(B, in_channels, H, W)` to `(B, |G|, H, W, dim)`.

    Args:
        encoding: "mlp", "table", "rotary" or a module; `None` would make all orientations equal.
        window: side of the windows in positions, or `None` for the whole grid.

    Raises:
        ValueError: no encoding, a width that the heads or the encoding do not divide, or a grid
            that the windows do not tile.
    """

    takes, gives = "image", "lifted"

    def __init__(
        self,
        in_channels: int,
        dim: int,
        heads: int,
        *,
        group: Group,
        encoding: str | Encoding | None = "rotary",
        window: int | None = None,
    ) -> None:
        if encoding is None:
            raise ValueError(
                "encoding=None would make every orientation of the lifted signal equal; "
                "use 'mlp', 'table' or 'rotary'"
            )
        super().__init__(dim, heads, group, window)
        self.in_channels = in_channels
        self.encoding = make_encoding(encoding, dim, dim // heads, group, lifting=True)
        self.embed = nn.Linear(in_channels, dim)

    def forward(
        self, image: Float[Tensor, "B C H W"]
    ) -> Float[Tensor, "B {self.group.order} H W {self.dim}"]:
        if image.ndim != 4 or image.shape[1] != self.in_channels:
            raise ValueError(
                f"shape {tuple(image.shape)} is not an image batch; "
                f"give (B, {self.in_channels}, H, W)"
            )
        signal = self.embed(image.permute(0, 2, 3, 1))[:, None]
        if self.window is None:
            return self.attend(signal)
        tiles = self.attend(split_windows(signal, self.window))
        return join_windows(tiles, (image.shape[2], image.shape[3]))

    def attend(
        self, signal: Float[Tensor, "B 1 H W C"]
    ) -> Float[Tensor, "B {self.group.order} H W C"]:
        """`(B, 1, H, W, dim)` -> `(B, |G|, H, W, dim)`."""
        size = (signal.shape[2], signal.shape[3])
        projections = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (self.split_heads(project(signal)) for project in projections)
        out = self.encoding.attend(q, k, v, self.k_proj, size)
        return self.out_proj(self.join_heads(out, size))
