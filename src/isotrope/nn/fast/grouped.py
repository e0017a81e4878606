"""Grouped convolutions with few channels per group, with fast gradients. Plain twin: `conv2d`.

On a CPU torch's own gradient of such a convolution costs three to five times the forward pass,
because it processes a few channels at a time. Here the gradients are convolutions as well, in which
the batch takes the place of the channels.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from isotrope.nn.fast.switch import enabled


def grouped_conv2d(
    planes: Float[Tensor, "B I H W"],
    weight: Float[Tensor, "O I//{groups} k k"],
    bias: Float[Tensor, " O"] | None,
    stride: int,
    padding: int,
    groups: int,
) -> Float[Tensor, "B O H2 W2"]:
    """`conv2d` of planes `(B, groups I, H, W)` by filters `(groups O, I, k, k)`."""
    learning = torch.is_grad_enabled() and (weight.requires_grad or planes.requires_grad)
    pays_off = learning and groups > 1 and stride == 1 and planes.device.type == "cpu"
    if not pays_off or torch.compiler.is_compiling() or not enabled():
        return plain_grouped_conv2d(planes, weight, bias, stride, padding, groups)
    filtered = GroupedConv2d.apply(planes, weight, padding, groups)
    return filtered if bias is None else filtered + bias[:, None, None]


def plain_grouped_conv2d(
    planes: Float[Tensor, "B I H W"],
    weight: Float[Tensor, "O I//{groups} k k"],
    bias: Float[Tensor, " O"] | None,
    stride: int,
    padding: int,
    groups: int,
) -> Float[Tensor, "B O H2 W2"]:
    """torch's own grouped convolution."""
    return F.conv2d(planes, weight, bias, stride, padding, groups=groups)


class GroupedConv2d(torch.autograd.Function):
    """Grouped `conv2d` at stride 1; both gradients are grouped convolutions as well."""

    generate_vmap_rule = True

    @staticmethod
    def forward(planes: Tensor, weight: Tensor, padding: int, groups: int) -> Tensor:
        return F.conv2d(planes, weight, padding=padding, groups=groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, int], output: Tensor) -> None:
        planes, weight, ctx.padding, ctx.groups = inputs
        ctx.save_for_backward(planes, weight)

    @staticmethod
    def backward(
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        planes, weight = ctx.saved_tensors
        gradient = grad_outputs[0].contiguous()  # grouped convolutions are slow in other layouts
        to_planes = to_weight = None
        if ctx.needs_input_grad[0]:
            filters = weight.unflatten(0, (ctx.groups, -1)).transpose(1, 2).flip(-1, -2)
            filters = filters.flatten(0, 1).to(gradient.dtype)
            padding = weight.shape[-1] - 1 - ctx.padding
            to_planes = F.conv2d(gradient, filters, padding=padding, groups=ctx.groups)
            to_planes = to_planes.to(planes.dtype)
        if ctx.needs_input_grad[1]:
            channels = planes.to(gradient.dtype).unflatten(1, (ctx.groups, -1))
            channels = channels.permute(2, 1, 0, 3, 4).flatten(1, 2)  # (I, groups * B, H, W)
            by_batch = gradient.transpose(0, 1)  # (O, B, H', W')
            to_weight = F.conv2d(channels, by_batch, padding=ctx.padding, groups=ctx.groups)
            to_weight = to_weight.transpose(0, 1).to(weight.dtype)
        return to_planes, to_weight, None, None
