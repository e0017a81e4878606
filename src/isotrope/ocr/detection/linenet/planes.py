"""`LineNet` as ordinary convolutions of `|G| C` planes, for onnxruntime.

The axis of orientations becomes a part of the channels. The turned filters are computed from the
free weights when the graph is opened, which then has one convolution for each layer.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.nn import Arrows, GroupConv, LiftingOrbit
from isotrope.ocr.detection.linenet.model import LineNet


class PlanesNet(nn.Module):
    """`(B, 3, H, W)` to `(B, 5, H/2, W/2)`: the core, the end, the two of the arrow, the height."""

    def __init__(self, model: LineNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 5 h w"]:
        model = self.model
        planes = cast("LiftingOrbit", model.features).planes(pixels)
        mix, say = model.mix.conv, model.say
        weight = mix.bank()
        weight = weight + torch.eye(len(weight)).to(weight)[:, :, None, None]  # what is mixed stays
        planes = F.conv2d(planes, weight, _bias(mix)).relu()
        pool = _pooled(model.arrows).to(pixels)
        weight = pool @ say.bank().flatten(1)
        return F.conv2d(planes, weight[:, :, None, None], pool @ _bias(say))


def _bias(conv: GroupConv) -> Tensor:
    return cast("Tensor", conv.bias).repeat(len(conv.group))


def _pooled(arrows: Arrows) -> Float[Tensor, "5 GC"]:
    """What makes the five maps of what each orientation says: means, and arrows."""
    order = len(arrows.group)
    pool = torch.zeros(5, order, 4)
    for row, channel in ((0, 0), (1, 1), (4, 2)):
        pool[row, :, channel] = 1 / order
    pool[2:4, :, 3] = arrows.table(pool).T
    return pool.flatten(1)
