"""Means over squares of positions that keep nothing for the backward pass. Twin: `avg_pool2d`.

torch's own keeps its input, although the gradient needs only the input's size.
"""

# torch leaves some of its functions untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from isotrope.nn.fast.switch import enabled


def square_means(
    planes: Float[Tensor, "B C H W"], side: int
) -> Float[Tensor, "B C H//{side} W//{side}"]:
    """The means over squares of this side, which tile the planes, in the same order in memory."""
    learning = torch.is_grad_enabled() and planes.requires_grad
    if not learning or torch.compiler.is_compiling() or not enabled():
        return plain_square_means(planes, side)
    return SquareMeans.apply(planes, side)


def plain_square_means(
    planes: Float[Tensor, "B C H W"], side: int
) -> Float[Tensor, "B C H//{side} W//{side}"]:
    """torch's own pooling."""
    return F.avg_pool2d(planes, side)


class SquareMeans(torch.autograd.Function):
    """`avg_pool2d`; each position of a square gets the same share of the gradient of its mean."""

    generate_vmap_rule = True

    @staticmethod
    def forward(planes: Tensor, side: int) -> Tensor:
        return F.avg_pool2d(planes, side)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.side = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        share = grad_outputs[0] / ctx.side**2
        return F.interpolate(share, scale_factor=ctx.side, mode="nearest"), None
