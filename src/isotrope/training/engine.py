"""The training loop: Lightning Fabric, a time or count limit, checkpoints, a log, an average.

A `Task` defines what is learned; the engine handles the rest: precision, ranks, schedule, averaged
weights, resuming, validation. `checkpoint.pt` has everything needed to resume.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from isotrope.data.stream import Stream
from isotrope.training.average import WeightAverage
from isotrope.training.checkpoint import (
    learned_state,
    load_checkpoint,
    refuse_another,
    restore_state,
    restoring,
    save_checkpoint,
)
from isotrope.training.curve import draw_log
from isotrope.training.devices import LossModule, moved, synchronized
from isotrope.training.loop import decayed, write_log
from isotrope.training.pace import Pace
from isotrope.training.recipe import Recipe
from isotrope.training.task import Task

Report = Callable[[dict[str, float]], None]

_REPORTED = 10
"""Steps between reports: reading a loss forces a synchronization with the GPU."""

_DRAWN = 60.0
"""Seconds between plots of the curve: one takes as long as many steps of a small model."""


class Engine:
    """Trains the model of a task, and resumes the last run in `out`.

    Writes `checkpoint.pt`, `log.csv`, `curve.png` and `model/` (the averaged weights chosen by
    `recipe.run.keep`) to `out`. Each replaces the older one atomically, and only rank 0 writes. On
    several GPUs batch norms share their statistics; torch cannot do that on CPUs.

    Args:
        task: What to learn.
        recipe: How to train, and for how long.
        out: The folder of the run.

    Attributes:
        average: The averaged weights.
        rows: The rows of the log.

    Raises:
        ValueError: The checkpoint in `out` is broken or belongs to another recipe or other data,
            or the recipe counts epochs and the task has none.
    """

    def __init__(self, task: Task[Any], recipe: Recipe, out: str | Path) -> None:
        self.task, self.recipe, self.out = task, recipe, Path(out)
        self.identity = recipe.identity() | dict(task.made_of)
        self.pace = Pace(recipe.schedule, task.epoch)
        self.out.mkdir(parents=True, exist_ok=True)
        run, chosen = recipe.run, recipe.optimizer
        self.fabric = Fabric(accelerator="auto", devices=run.devices, precision=run.precision)
        self.fabric.launch()
        self.fabric.seed_everything(run.seed, verbose=False)
        self.checkpoint = self.out / "checkpoint.pt"
        if not (resumed := self.checkpoint.is_file()):
            task.begin()
        self.average = WeightAverage(task.model, chosen.ema, self.fabric.device)
        task.model = synchronized(task.model, self.fabric.world_size, self.fabric.device)
        optimizer = torch.optim.AdamW(
            decayed(task.model, chosen.weight_decay, task.faster),
            lr=chosen.learning_rate,
            betas=chosen.betas,
            fused=True,  # one call for all weights: saves 5% of a small model's step
        )
        # The wrapped module's forward is the loss, so that ranks average its gradients.
        self.losses, self.optimizer = self.fabric.setup(LossModule(task), optimizer)
        self.rows: list[dict[str, float]] = []
        self.sums: dict[str, Tensor] = {}  # sums of the losses since the last validation
        self.steps = 0  # number of steps in `sums`
        self.drawn = time.monotonic()
        if resumed:
            self._load()

    @property
    def examples(self) -> int:
        """Number of examples seen."""
        return self.pace.examples

    @property
    def seconds(self) -> float:
        """Training time in seconds, without validation."""
        return self.pace.seconds

    @property
    def progress(self) -> float:
        """The share of the run that is done, in [0, 1]."""
        return self.pace.progress

    @property
    def finished(self) -> bool:
        """Whether the run has ended, or has gone without a better score for too long."""
        patience = self.recipe.run.patience
        if patience and self.rows:
            scores = [row["score"] for row in self.rows]
            if len(scores) - 1 - scores.index(max(scores)) >= patience:
                return True
        return self.progress >= 1

    @property
    def kept(self) -> dict[str, float]:
        """The row of the log that belongs to the weights in `model/`."""
        if self.recipe.run.keep == "last":
            return self.rows[-1]
        return max(reversed(self.rows), key=lambda row: row["score"])

    def fit(self, report: Report = lambda row: None) -> None:
        """Train to the end.

        Args:
            report: Called on rank 0 after the first step and every tenth step from there, with the
                losses, `examples`, `progress` in [0, 1], and `left`, the estimated seconds left.
        """
        if self.recipe.run.validate_first and not self.rows:
            self.validate()
        if not self.finished:
            self._train(report)
            self.save()  # in case the validation fails
        if not self.rows or self.rows[-1]["examples"] != self.examples:
            self.validate()
        elif self.fabric.is_global_zero:  # the run may have been killed between checkpoint and log
            self._write_log()
            if not self.task.saved(self.out / "model"):
                self._save_again()

    def validate(self, **more: float) -> dict[str, float]:
        """Score the averaged weights on rank 0, log them, and keep them if the recipe says so.

        Args:
            more: Extra columns for this row of the log.
        """
        if self.fabric.is_global_zero:
            row: dict[str, float] = {"examples": self.examples}
            if self.task.epoch:
                row["epochs"] = round(self.examples / self.task.epoch, 4)
            row["hours"] = round(self.seconds / 3600, 4)
            row |= {f"train_{n}": round(float(s) / self.steps, 5) for n, s in self.sums.items()}
            model = self.average.module.eval()
            self.rows.append(row | more | self.task.validate(model))
        self.rows = self._agreed(self.rows)
        self.sums, self.steps = {}, 0
        if self.fabric.is_global_zero and self.kept is self.rows[-1]:
            self._save_model()
        self.save()
        if self.fabric.is_global_zero:
            self._write_log()
        return self.rows[-1]

    def save(self) -> None:
        """Write the checkpoint."""
        if self.fabric.is_global_zero:
            kept = learned_state if self.task.frozen_known else nn.Module.state_dict
            state = {
                "model": kept(self.task.model),
                "average": kept(self.average),
                "optimizer": self.optimizer.state_dict(),
                "progress": (self.examples, self.seconds),
                "begun": self.pace.begun,
                "rows": self.rows,
                "sums": ({name: value.cpu() for name, value in self.sums.items()}, self.steps),
                "identity": self.identity,
            }
            save_checkpoint(self.checkpoint, state)
        self.fabric.barrier()

    def _train(self, report: Report) -> None:
        stream, run, steps = self._stream(), self.recipe.run, 0
        position, ranks = stream.start, self.fabric.world_size
        saved = validated = self.seconds
        clock = time.monotonic() - self.seconds
        groups = iter(stream.loader(run.workers))
        while not self.finished:
            group, before = next(groups), self.examples
            torch.manual_seed(run.seed * 1_000_003 + group.number)  # dropout, also after a resume
            more = stream.seen(position + ranks) - stream.seen(position)
            position += ranks
            for number, batch in enumerate(group.batches, start=1):
                seen = before + more * number // len(group.batches)
                losses = self._step(batch, seen)
                self.pace.seconds = self._agreed(time.monotonic() - clock)
                if steps % _REPORTED == 0 and self.fabric.is_global_zero:
                    report({n: float(value) for n, value in losses.items()} | self._position())
                steps += 1
            if self.pace.due(run, before, validated) and not self.finished:
                self.validate()
                # The clock stops during validation: minutes are minutes of training.
                saved = validated = self.seconds
                clock = time.monotonic() - self.seconds
            elif self.seconds - saved > 60 * run.save_minutes:
                self.save()
                saved = self.seconds

    def _step(self, batch: Any, seen: int) -> dict[str, Tensor]:
        """One update; `seen` is the number of examples seen after it."""
        chosen = self.recipe.optimizer
        rate = chosen.learning_rate * self.pace.learning_rate(seen)
        for part in self.optimizer.param_groups:
            part["lr"] = rate * part.get("speed", 1.0)
        self.losses.train()
        batch = moved(batch, self.fabric.device)
        if self.fabric.device.type != "cpu":
            batch = self.task.finish(batch)
        losses = self.losses(batch)
        self.fabric.backward(losses["loss"])
        self.fabric.clip_gradients(
            self.losses, self.optimizer, max_norm=chosen.clip, error_if_nonfinite=False
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.task.after_step(self.task.model, rate)
        self.average.update_parameters(self.task.model)
        self.pace.examples, self.steps = seen, self.steps + 1
        losses = {name: value.detach() for name, value in losses.items()}
        self.sums = {n: value + self.sums.get(n, 0.0) for n, value in losses.items()}
        return losses

    def _stream(self) -> Stream:
        """The stream from the first group that is wholly unseen, whatever the group size."""
        rank, ranks = self.fabric.global_rank, self.fabric.world_size
        start = self.task.stream(0, rank, ranks).next_group(self.examples)
        stream = self.task.stream(start, rank, ranks)
        if self.fabric.device.type == "cpu":
            stream.finish = self.task.finish
        return stream

    def _position(self) -> dict[str, float]:
        """The position in the run, for reports."""
        return {"examples": self.examples, "progress": self.progress, "left": self.pace.left}

    def _agreed(self, value: Any) -> Any:
        """The value from rank 0 on every rank, since clocks differ."""
        return self.fabric.broadcast(value) if self.fabric.world_size > 1 else value

    def _save_model(self) -> None:
        # A copy: saving moves a model to the CPU.
        self.task.save(copy.deepcopy(self.average.module), self.out / "model")

    def _save_again(self) -> None:
        """Rewrite `model/` of a finished run if it has been removed."""
        if self.kept is not self.rows[-1]:
            raise ValueError(
                f"{self.out / 'model'} had the weights after {self.kept['examples']:,} examples "
                f"and is gone; bring it back, or remove {self.checkpoint} to train from the start"
            )
        self._save_model()

    def _write_log(self) -> None:
        write_log(self.out / "log.csv", self.rows)
        if not self.finished and time.monotonic() - self.drawn < _DRAWN:
            return
        self.drawn = time.monotonic()
        draw_log(self.rows, self.task.panels(list(self.rows[-1])), self.out / "curve.png")

    def _load(self) -> None:
        state = load_checkpoint(self.checkpoint)
        if "identity" not in state:
            raise ValueError(
                f"{self.checkpoint} is of an earlier version of isotrope; remove it to train from "
                "the start, or begin with the model beside it: model.start"
            )
        refuse_another(self.checkpoint, state["identity"], self.identity)
        with restoring(self.checkpoint):
            restore = restore_state if self.task.frozen_known else nn.Module.load_state_dict
            restore(self.task.model, state["model"])
            restore(self.average, state["average"])
            if "optimizer" in state:  # else its moments start over
                self.optimizer.load_state_dict(state["optimizer"])
            examples, seconds = state["progress"]
            self.pace.restore(examples, seconds, state["begun"])
            self.rows = state["rows"]
            sums, self.steps = state["sums"]
            self.sums = {name: value.to(self.fabric.device) for name, value in sums.items()}
