"""`LineNet` as ordinary convolutions of `|G| C` planes, for onnxruntime.

The axis of orientations becomes a part of the channels. The turned filters, and the scales of the
norms, are computed from the free weights when the graph is opened, which then has one convolution
for each layer.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.nn import Arrows, Downsample, LiftedBatchNorm
from isotrope.nn.conv import TurnedFilter
from isotrope.ocr.detection.linenet.model import Fuse, LineNet, Residual


class PlanesNet(nn.Module):
    """`(B, 3, H, W)` to `(B, 5, H/4, W/4)`: the core, the end, the two of the arrow, the height."""

    def __init__(self, model: LineNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 5 h w"]:
        model = self.model
        planes, levels = _applied(model.stem, pixels), []
        for stage in model.stages:
            levels.append(planes := _applied(stage, planes))
        planes = levels.pop()
        for fuse in model.fuse:
            planes = _fused(cast("Fuse", fuse), levels.pop(), planes)
        pool = _pooled(model.arrows).to(pixels)
        bias = cast("Tensor", model.say.bias).repeat(len(model.group))
        weight = pool @ model.say.bank().flatten(1)
        return F.conv2d(planes, weight[:, :, None, None], pool @ bias)


def _applied(module: nn.Module, planes: Tensor) -> Tensor:
    """What a module of `LineNet` does to a lifted signal, on planes."""
    match module:
        case nn.ReLU():
            return planes.relu()
        case Downsample():
            return _convolved(module.conv, module.norm, planes)
        case Residual():
            inner = _convolved(module.first[0], module.first[1], planes).relu()
            return (planes + _convolved(module.second[0], module.second[1], inner)).relu()
        case nn.Sequential():
            children = list(module)
            if isinstance(children[0], TurnedFilter):
                planes = _convolved(children[0], children[1], planes)
                children = children[2:]
            for child in children:
                planes = _applied(child, planes)
            return planes
    raise TypeError(f"{type(module).__name__} is not part of a LineNet")


def _fused(module: Fuse, fine: Tensor, coarse: Tensor) -> Tensor:
    coarse = module.upsample.on_planes(_convolved(module.narrow[0], module.narrow[1], coarse))
    return _convolved(module.conv[0], module.conv[1], fine + coarse).relu()


def _convolved(conv: nn.Module, norm: nn.Module, planes: Tensor) -> Tensor:
    """A filter without a bias, and its norm in eval mode, as one convolution."""
    conv, batch_norm = cast("TurnedFilter", conv), cast("LiftedBatchNorm", norm).batch_norm
    mean, variance = cast("Tensor", batch_norm.running_mean), cast("Tensor", batch_norm.running_var)
    scale = batch_norm.weight * (variance + batch_norm.eps).rsqrt()
    bias = (batch_norm.bias - mean * scale).repeat(len(conv.group))
    weight = conv.weight * scale.view(-1, *[1] * (conv.weight.ndim - 1))
    return F.conv2d(planes, conv.bank(weight), bias, conv.stride, conv.padding)


def _pooled(arrows: Arrows) -> Float[Tensor, "5 GC"]:
    """What makes the five maps of what each orientation says: means, and arrows."""
    order = len(arrows.group)
    pool = torch.zeros(5, order, 4)
    for row, channel in ((0, 0), (1, 1), (4, 2)):
        pool[row, :, channel] = 1 / order
    pool[2:4, :, 3] = arrows.table(pool).T
    return pool.flatten(1)
