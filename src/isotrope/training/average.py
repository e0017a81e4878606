"""The average of a model's weights over the latest steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from isotrope.training.ranks import local


class WeightAverage(AveragedModel):
    """The exponential average of weights and buffers, `a <- d a + (1 - d) w` at each step.

    At step n, `d = min(decay, (1 + n) / (10 + n))`: the average covers few steps at first, so that
    the initial weights fade quickly. Frozen weights stay as they are, to the bit: averaging would
    turn -0 into 0, and adapters are refused for a model with other bits.
    """

    def __init__(self, model: nn.Module, decay: float, device: torch.device) -> None:
        super().__init__(model, multi_avg_fn=self._mix, use_buffers=True)
        self.decay = decay
        self._frozen: set[int] = set()
        self.to(device)
        # Read at every step: on the GPU that would force a synchronization.
        self.n_averaged = self.n_averaged.cpu()

    def update_parameters(self, model: nn.Module) -> None:
        pairs = zip(self.module.parameters(), model.parameters(), strict=True)
        self._frozen = {_place(average) for average, now in pairs if not now.requires_grad}
        super().update_parameters(model)

    def _mix(self, averages: Any, currents: Any, _: Any) -> None:
        count = int(self.n_averaged)
        decay = min(self.decay, (1 + count) / (10 + count))
        pairs = zip(averages, currents, strict=True)
        learned = [
            (local(average), local(now))
            for average, now in pairs
            if _place(average) not in self._frozen
        ]
        if learned:
            mix = get_ema_multi_avg_fn(decay)
            mix([average for average, _ in learned], [now for _, now in learned], count)


def _place(tensor: torch.Tensor) -> int:
    """Where a tensor's values are, which is the same for a parameter and its `detach()`."""
    return local(tensor.detach()).data_ptr()
