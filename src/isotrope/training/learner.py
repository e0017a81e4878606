"""What learns: the model on this rank, the average of its weights, and the optimizer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from isotrope.training.average import WeightAverage
from isotrope.training.blocks import change_blocks, check_blocks
from isotrope.training.checkpoint import learned_state, restore_state
from isotrope.training.devices import LossModule, moved, synchronized
from isotrope.training.loop import decayed
from isotrope.training.ranks import (
    gathered,
    mesh_of,
    precision_of,
    scattered,
    scattered_moments,
    shard,
)
from isotrope.training.recipe import Recipe
from isotrope.training.running_statistics import RunningStatistics
from isotrope.training.task import Task


class Learner:
    """Updates the model of a task, on one rank of a run.

    On several GPUs batch norms share the statistics of a step (`nn.SyncBatchNorm`); on CPUs, where
    torch cannot do that, the running ones (`RunningStatistics`).

    Args:
        task: What to learn; its `model` is moved to the device, and sharded if the recipe says so.

    Attributes:
        average: The averaged weights, sharded as the model is.

    Raises:
        ValueError: The recipe asks for something that the task's model cannot do.
    """

    def __init__(self, task: Task[Any], recipe: Recipe, fabric: Fabric) -> None:
        self.task, self.fabric, self.chosen = task, fabric, recipe.optimizer
        run, chosen = recipe.run, recipe.optimizer
        check_blocks(run, task.blocks(task.model))
        if run.precision == "64-true":  # some losses make what they pass on 32 bits
            task.model.register_forward_pre_hook(_in_double)
        self.average = WeightAverage(task.model, chosen.ema, fabric.device)
        if run.precision == "64-true":  # Fabric converts the model alone
            self.average.double()
        task.model = synchronized(task.model, fabric.world_size, fabric.device)
        self._statistics = RunningStatistics(task.model, fabric.world_size)
        self._copy: nn.Module | None = None  # of a sharded average, whole
        self._sharded = (mesh := mesh_of(fabric)) is not None
        if mesh is not None:
            self._copy = copy.deepcopy(task.model) if fabric.is_global_zero else None
            task.model.to(fabric.device)
            for model in (task.model, self.average.module):
                shard(model, task.blocks(model), mesh, precision_of(run))
        change_blocks(run, task.blocks(task.model))
        # The wrapped module's forward is the loss, so that ranks average its gradients.
        self.losses = fabric.setup_module(LossModule(task))
        optimizer = torch.optim.AdamW(
            decayed(task.model, chosen.weight_decay, task.faster),
            lr=chosen.learning_rate,
            betas=chosen.betas,
            fused=True,  # one call for all weights: saves 5% of a small model's step
        )
        self.optimizer: Any = fabric.setup_optimizers(optimizer)

    def update(
        self, batches: Sequence[Any], rate: float, seeds: Sequence[int] = ()
    ) -> dict[str, Tensor]:
        """One step along the mean gradient of some batches; returns the means of their losses.

        Args:
            seeds: Each batch's seed of what a model draws, such as dropout; none: as it comes.
        """
        for part in self.optimizer.param_groups:
            part["lr"] = rate * part.get("speed", 1.0)
        self.losses.train()
        means: dict[str, Tensor] = {}
        for number, batch in enumerate(batches, start=1):
            if seeds:
                torch.manual_seed(seeds[number - 1])
            batch = moved(batch, self.fabric.device)
            if self.fabric.device.type != "cpu":
                batch = self.task.finish(batch)
            waiting = self.fabric.no_backward_sync(self.losses, enabled=number < len(batches))
            with self._statistics.shared(), waiting:
                losses = self.losses(batch)
                self.fabric.backward(losses["loss"] / len(batches))
            for name, value in losses.items():
                means[name] = means.get(name, 0.0) + value.detach() / len(batches)
        self.fabric.clip_gradients(
            self.losses, self.optimizer, max_norm=self.chosen.clip, error_if_nonfinite=False
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.task.after_step(self.task.model, rate)
        self.average.update_parameters(self.task.model)
        return means

    def averaged(self) -> nn.Module | None:
        """The averaged model, whole, in eval mode; None on ranks other than 0 if it is sharded.

        Every rank must call it.
        """
        if not self._sharded:
            return self.average.module.eval()
        state = gathered(self.average.module.state_dict(), self.fabric.is_global_zero)
        if self._copy is None:
            return None
        self._copy.load_state_dict(state)
        return self._copy.to(self.fabric.device).eval()

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds, in whole tensors; every rank must call it, rank 0 has it."""
        kept = learned_state if self.task.frozen_known else nn.Module.state_dict
        state = {
            "model": kept(self.task.model),
            "average": kept(self.average),
            "optimizer": self.optimizer.state_dict(),
        }
        return gathered(state, self.fabric.is_global_zero) if self._sharded else state

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state()`, which may lack the optimizer: its moments then start over."""
        load = restore_state if self.task.frozen_known else nn.Module.load_state_dict
        modules: dict[str, nn.Module] = {"model": self.task.model, "average": self.average}
        for name, module in modules.items():
            saved = state[name]
            load(module, scattered(saved, module.state_dict()) if self._sharded else saved)
        if "optimizer" in state:
            saved = state["optimizer"]
            if self._sharded:
                saved = scattered_moments(saved, self.optimizer.optimizer)
            self.optimizer.load_state_dict(saved)


def _in_double(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a module takes, with floats in 64 bits."""
    del module
    return tuple(
        value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
        for value in inputs
    )
