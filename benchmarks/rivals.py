"""Alternatives: a plain ViT at four turns, and a CNN with escnn's steerable filters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isotrope.models.config import EquivariantViTConfig


class FourTurns(nn.Module):
    """Averages a model's logits over the four turns of its images."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([self.model(torch.rot90(images, k, (2, 3))) for k in range(4)]).mean(0)


class SteerableCNN(nn.Module):
    """Patches, then 3 x 3 filters between regular fields, with a config's grid and widths."""

    def __init__(self, config: EquivariantViTConfig) -> None:
        super().__init__()
        from escnn import gspaces
        from escnn import nn as enn

        plane = gspaces.rot2dOnR2(4)
        kernel, stride, padding = config.patch
        kind, self.wrap = plane.regular_repr, enn.GeometricTensor
        here = self.image = enn.FieldType(plane, config.in_channels * [plane.trivial_repr])
        layers: list[nn.Module] = []

        def add(fields: int, kernel: int, stride: int, padding: int) -> None:
            nonlocal here
            there = enn.FieldType(plane, fields * [kind])
            conv = enn.R2Conv(here, there, kernel, stride=stride, padding=padding, bias=False)
            layers.extend((conv, enn.InnerBatchNorm(there), enn.ReLU(there)))
            here = there

        add(config.stages[0].dim, kernel, stride, padding)
        for stage in config.stages:
            if stage.stride > 1:
                add(stage.dim, 2 * stage.stride, stage.stride, stage.stride // 2)
            for _ in range(stage.depth):
                add(stage.dim, 3, 1, 1)
        self.body, self.pool = enn.SequentialModule(*layers), enn.GroupPooling(here)
        self.head = nn.Linear(config.stages[-1].dim, config.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.pool(self.body(self.wrap(images, self.image))).tensor
        return self.head(features.mean(dim=(2, 3)))


def steerable_cnn(config: EquivariantViTConfig) -> nn.Module | None:
    """Make a `SteerableCNN`; `None` if escnn is not installed."""
    try:
        return SteerableCNN(config)
    except ImportError:
        return None
