"""Lowering: from a lifted signal to an image, or to a field of vectors."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group
from isotrope.nn.conv import TurnedFilter, check_lifted, overlapping, symmetric_padding, to_planes


class LoweringConv(TurnedFilter):
    """Lowers a signal to an image `s` times as fine: the transpose of a strided `LiftingConv`.

        f(x)_o = sum_g sum_y sum_c w_co(g^-1 (x - s y)) F(y, g)_c + b_o

    Every filter is drawn around each position, turned by the orientation it comes from, so a turned
    signal draws the turned image. The default kernel, `overlapping(s)`, meets its neighbors. With
    `vectors`, a filter is a small field of vectors, which turn with it, and there is no bias: no
    vector but 0 stays as it is at every turn.

    Maps `(B, |G|, H, W, C)` to `(B, O, s H, s W)`, or with `vectors` to `(B, 2, s H, s W)`,
    `(column, row)`.

    Args:
        in_channels: `C`.
        out_channels: `O`; 2 for vectors.
        stride: `s`.
        kernel_size: side of the filters; `None`: `2 s`, or `2 s - 1` for an odd `s`.
        vectors: whether the output is a field of vectors.

    Raises:
        ValueError: a kernel smaller than the stride or of another parity, vectors of other than 2
            channels, or a signal of another group or width.
    """

    takes = "lifted"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        kernel_size: int | None = None,
        *,
        group: Group,
        vectors: bool = False,
    ) -> None:
        kernel = overlapping(stride) if kernel_size is None else kernel_size
        if vectors and out_channels != 2:
            raise ValueError(
                f"out_channels={out_channels}, but a vector has 2; give 2, or vectors=False"
            )
        super().__init__(group, kernel, stride, symmetric_padding(kernel, stride))
        self.in_channels, self.vectors = in_channels, vectors
        self.gives = "vectors" if vectors else "image"
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, kernel, kernel))
        self.bias = None if vectors else nn.Parameter(torch.zeros(out_channels))
        seen = in_channels * group.order * (kernel / stride) ** 2
        nn.init.normal_(self.weight, std=1 / math.sqrt(seen))

    def bank(self, weight: Tensor | None = None) -> Tensor:
        """The turned filters `w(g^-1 x)` for `conv_transpose2d`: `(|G| C, O, k, k)`."""
        bank = self.each_turn(weight).permute(2, 0, 1, 3, 4)  # (|G|, C, O, k, k)
        if self.vectors:
            turns = torch.stack([self.group.matrix(g) for g in self.group.elements]).to(bank)
            bank = torch.einsum("gvu,gcuij->gcvij", turns, bank)
        return bank.flatten(0, 1)

    def forward(
        self,
        lifted: Float[Tensor, "B G H W C"],
        weight: Float[Tensor, "C O k k"] | None = None,
    ) -> Float[Tensor, "B O2 H2 W2"]:
        check_lifted(lifted, self.in_channels, self.group)
        bank = self.kept_bank(weight)
        return F.conv_transpose2d(to_planes(lifted), bank, self.bias, self.stride, self.padding)
