"""`LineNet` as ordinary convolutions of `|G| C` planes, for onnxruntime.

The axis of orientations becomes a part of the channels. The turned filters, and the scales of the
norms, are computed from the free weights when the graph is opened, which then has one convolution
for each layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.nn import Downsample, LiftedBatchNorm, Upsample
from isotrope.nn.conv import TurnedFilter
from isotrope.ocr.detection.model import Arrows, Fuse, LineNet, Residual


class PlanesNet(nn.Module):
    """`(B, 3, H, W)` to `(B, 5, H/4, W/4)`: the core, the end, the two of the arrow, the height."""

    def __init__(self, model: LineNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 5 h w"]:
        model, levels = self.model, []
        planes = _apply(model.stem, pixels)
        for stage in model.stages:
            levels.append(planes := _apply(stage, planes))
        planes = levels.pop()
        for fuse in model.fuse:
            planes = _fused(fuse, levels.pop(), planes)
        pool = _pooled(model.arrows).to(pixels)
        weight, bias = model.say.bank().flatten(1), model.say.bias.repeat(len(model.group))
        return F.conv2d(planes, (pool @ weight)[:, :, None, None], pool @ bias)


def _apply(module: nn.Module, planes: Tensor) -> Tensor:
    """What a module of `LineNet` does, on planes."""
    if isinstance(module, Residual):
        first = _convolved(*module.first, planes).relu()
        return (planes + _convolved(*module.second, first)).relu()
    if isinstance(module, Downsample):
        return _convolved(module.conv, module.norm, planes)
    if isinstance(module, nn.ReLU):
        return planes.relu()
    if isinstance(module[0], TurnedFilter):  # a filter, a norm, and what follows
        planes = _convolved(module[0], module[1], planes)
        module = module[2:]
    for child in module:
        planes = _apply(child, planes)
    return planes


def _fused(module: Fuse, fine: Tensor, coarse: Tensor) -> Tensor:
    upsample: Upsample = module.upsample
    coarse = upsample.on_planes(_convolved(*module.narrow, coarse))
    return _convolved(*module.conv, fine + coarse).relu()


def _convolved(conv: TurnedFilter, norm: LiftedBatchNorm, planes: Tensor) -> Tensor:
    """A filter without a bias, and its norm in eval mode, as one convolution."""
    batch_norm, order = norm.batch_norm, len(conv.group)
    scale = batch_norm.weight * (batch_norm.running_var + batch_norm.eps).rsqrt()
    bias = batch_norm.bias - batch_norm.running_mean * scale
    weight = conv.weight * scale.view(-1, *[1] * (conv.weight.ndim - 1))
    return F.conv2d(planes, conv.bank(weight), bias.repeat(order), conv.stride, conv.padding)


def _pooled(arrows: Arrows) -> Float[Tensor, "5 GC"]:
    """What makes the five maps of what each orientation says: means, and arrows."""
    order = len(arrows.group)
    pool = torch.zeros(5, order, 4)
    for row, channel in ((0, 0), (1, 1), (4, 2)):
        pool[row, :, channel] = 1 / order
    pool[2:4, :, 3] = arrows.table(pool).T
    return pool.flatten(1)
