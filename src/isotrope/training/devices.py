"""Prepare a model and its batches for devices and ranks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isotrope.training.task import Task


def synchronized(model: nn.Module, ranks: int, device: torch.device) -> nn.Module:
    """The model with batch norms that share their statistics between ranks, if torch can."""
    if ranks == 1 or device.type == "cpu":
        return model
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


class LossModule(nn.Module):
    """A module whose forward returns the losses, so that Fabric averages gradients over ranks."""

    def __init__(self, task: Task[Any]) -> None:
        super().__init__()
        self.model, self.task = task.model, task

    def forward(self, batch: Any) -> dict[str, Tensor]:
        return self.task.loss(self.model, batch)


def moved(batch: Any, device: torch.device) -> Any:
    """A batch (a dict of tensors and other values) with its tensors on `device`."""
    if isinstance(batch, dict):
        return {k: moved(v, device) for k, v in batch.items()}
    return batch.to(device, non_blocking=True) if isinstance(batch, Tensor) else batch
