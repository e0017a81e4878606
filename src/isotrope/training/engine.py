"""The training loop: Lightning Fabric, a time or count limit, checkpoints, a log, an average.

A `Task` defines what is learned, a `Learner` updates it; the engine handles the rest: ranks,
schedule, resuming, validation. `checkpoint.pt` has everything needed to resume, on any number of
ranks.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isotrope.data.stream import Stream
from isotrope.training.average import WeightAverage
from isotrope.training.checkpoint import (
    load_checkpoint,
    refuse_another,
    restoring,
    save_checkpoint,
)
from isotrope.training.curve import draw_log
from isotrope.training.learner import Learner
from isotrope.training.loop import write_log
from isotrope.training.pace import Pace
from isotrope.training.ranks import make_fabric
from isotrope.training.recipe import Recipe
from isotrope.training.task import Task

Report = Callable[[dict[str, float]], None]

_REPORTED = 10
"""Steps between reports, and between looks at a common clock: both synchronize with the GPU."""

_DRAWN = 60.0
"""Seconds between plots of the curve: one takes as long as many steps of a small model."""


class Engine:
    """Trains the model of a task, and resumes the last run in `out`.

    Writes `checkpoint.pt`, `log.csv`, `curve.png` and `model/` (the averaged weights chosen by
    `recipe.run.keep`) to `out`. Each replaces the older one atomically, and only rank 0 writes.

    Args:
        task: What to learn.
        recipe: How to train, and for how long.
        out: The folder of the run.

    Attributes:
        learner: What learns.
        rows: The rows of the log.

    Raises:
        ValueError: The checkpoint in `out` is broken or belongs to another recipe or other data,
            the recipe counts epochs and the task has none, or it asks for something that the
            task's model cannot do.
    """

    def __init__(self, task: Task[Any], recipe: Recipe, out: str | Path) -> None:
        self.task, self.recipe, self.out = task, recipe, Path(out)
        self.identity = recipe.identity() | dict(task.made_of)
        self.pace = Pace(recipe.schedule, task.epoch)
        self.out.mkdir(parents=True, exist_ok=True)
        self.fabric = make_fabric(recipe.run)
        self.fabric.launch()
        self.fabric.seed_everything(recipe.run.seed, verbose=False)
        self.checkpoint = self.out / "checkpoint.pt"
        if not (resumed := self.checkpoint.is_file()):
            task.begin()
        self.learner = Learner(task, recipe, self.fabric)
        self.rows: list[dict[str, float]] = []
        self.sums: dict[str, Tensor] = {}  # sums of the losses since the last validation
        self.steps = 0  # number of steps in `sums`
        self.drawn = time.monotonic()
        if resumed:
            self._load()

    @property
    def average(self) -> WeightAverage:
        """The averaged weights."""
        return self.learner.average

    @property
    def optimizer(self) -> Any:
        """The optimizer."""
        return self.learner.optimizer

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
            return
        if self.fabric.is_global_zero:  # the run may have been killed between checkpoint and log
            self._write_log()
        if self._agreed(not self.task.saved(self.out / "model")):
            self._save_again()

    def validate(self, **more: float) -> dict[str, float]:
        """Score the averaged weights on rank 0, log them, and keep them if the recipe says so.

        Args:
            more: Extra columns for this row of the log.
        """
        model, sums = self.learner.averaged(), self._sums()
        if model is not None and self.fabric.is_global_zero:
            row: dict[str, float] = {"examples": self.examples}
            if self.task.epoch:
                row["epochs"] = round(self.examples / self.task.epoch, 4)
            row["hours"] = round(self.seconds / 3600, 4)
            row |= {f"train_{n}": round(float(s) / self.steps, 5) for n, s in sums.items()}
            self.rows.append(row | more | self.task.validate(model))
        self.rows = self._agreed(self.rows)
        self.sums, self.steps = {}, 0
        if self.kept is self.rows[-1]:
            self._save_model(model)
        self.save()
        if self.fabric.is_global_zero:
            self._write_log()
        return self.rows[-1]

    def save(self) -> None:
        """Write the checkpoint; every rank must call it."""
        learned, sums = self.learner.state(), self._sums()
        if self.fabric.is_global_zero:
            state = learned | {
                "progress": (self.examples, self.seconds),
                "begun": self.pace.begun,
                "rows": self.rows,
                "sums": ({name: value.cpu() for name, value in sums.items()}, self.steps),
                "identity": self.identity,
            }
            save_checkpoint(self.checkpoint, state)
        self.fabric.barrier()

    def _train(self, report: Report) -> None:
        stream, run, steps = self._stream(), self.recipe.run, 0
        position, together = stream.start, self.fabric.world_size * run.accumulate
        often = self.fabric.world_size == 1 or self.recipe.schedule.minutes is not None
        saved = validated = self.seconds
        clock = time.monotonic() - self.seconds
        groups = stream.loader(run.workers)
        while not self.finished:
            taken, before = [next(groups) for _ in range(run.accumulate)], self.examples
            more = stream.seen(position + together) - stream.seen(position)
            position += together
            updates = list(zip(*(group.batches for group in taken), strict=True))
            for number, batches in enumerate(updates, start=1):
                seen = before + more * number // len(updates)
                losses = self._step(batches, seen, [each.seed(run.seed, number) for each in taken])
                if often or steps % _REPORTED == 0:
                    self.pace.seconds = self._agreed(time.monotonic() - clock)
                if steps % _REPORTED == 0 and self.fabric.is_global_zero:
                    report({n: float(value) for n, value in losses.items()} | self._position())
                steps += 1
            if self.pace.due(run, before, validated) and not self.finished:
                self.pace.seconds = self._agreed(time.monotonic() - clock)
                self.validate()
                # The clock stops during validation: minutes are minutes of training.
                saved = validated = self.seconds
                clock = time.monotonic() - self.seconds
            elif self.seconds - saved > 60 * run.save_minutes:
                self.save()
                saved = self.seconds
        self.pace.seconds = self._agreed(time.monotonic() - clock)

    def _step(self, batches: Sequence[Any], seen: int, seeds: Sequence[int]) -> dict[str, Tensor]:
        """One update; `seen` is the number of examples seen after it."""
        rate = self.recipe.optimizer.learning_rate * self.pace.learning_rate(seen)
        losses = self.learner.update(batches, rate, seeds)
        self.pace.examples, self.steps = seen, self.steps + 1
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

    def _sums(self) -> dict[str, Tensor]:
        """The sums of the losses since the last validation: means over the ranks.

        Raises:
            ValueError: One is not finite, so the weights are lost; the checkpoint is an older one.
        """
        sums, ranks = self.sums, self.fabric.world_size
        if ranks > 1:
            found: list[dict[str, float]] = [{} for _ in range(ranks)]
            torch.distributed.all_gather_object(found, {n: float(v) for n, v in sums.items()})
            names = dict.fromkeys(name for rank in found for name in rank)
            # A rank may lack some of the losses.
            sums = {n: torch.tensor(sum(rank.get(n, 0.0) for rank in found) / ranks) for n in names}
        for name, value in sums.items():
            if not math.isfinite(float(value)):
                raise ValueError(
                    f"{name} is {float(value)} after {self.examples:,} examples; start anew with a "
                    "lower optimizer.learning_rate, or with run.precision=32-true"
                )
        return sums

    def _save_model(self, model: nn.Module | None) -> None:
        if model is not None and self.fabric.is_global_zero:
            # A copy: saving moves a model to the CPU.
            self.task.save(copy.deepcopy(model), self.out / "model")

    def _save_again(self) -> None:
        """Rewrite `model/` of a finished run if it has been removed."""
        if self.kept is not self.rows[-1]:
            raise ValueError(
                f"{self.out / 'model'} had the weights after {self.kept['examples']:,} examples "
                f"and is gone; bring it back, or remove {self.checkpoint} to train from the start"
            )
        self._save_model(self.learner.averaged())

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
        defaults = self.recipe.default_identity()
        refuse_another(self.checkpoint, state["identity"], self.identity, defaults)
        with restoring(self.checkpoint):
            self.learner.restore(state)
            examples, seconds = state["progress"]
            self.pace.restore(examples, seconds, state["begun"])
            self.rows = state["rows"]
            sums, self.steps = state["sums"]
            self.sums = {name: value.to(self.fabric.device) for name, value in sums.items()}
