"""The one training loop: Lightning Fabric, a clock or a count, checkpoints, a log, an average.

A task says what is learned (`Task`); the engine knows how: precision, ranks, schedule, averaged
weights, resuming, validation. Everything that a resume needs is in `checkpoint.pt`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from isotrope.data.stream import GroupStream
from isotrope.io.files import replacing
from isotrope.training.loop import decayed, loading, refuse_another, write_log
from isotrope.training.schedule import rate

Report = Callable[[dict[str, float]], None]


class Task(Protocol):
    """What is learned: a model, its stream, its loss and how well it does."""

    model: nn.Module

    def stream(self, start: int, rank: int, ranks: int) -> GroupStream:
        """The training batches from group `start` on."""

    def finish(self, batch: Any) -> Any:
        """What is left to do of a batch: by the workers on a CPU, else on the GPU where it lies."""

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Tensor]:
        """Losses by name; `"loss"` is the one that is minimized."""

    def after_step(self, model: nn.Module, learning_rate: float) -> None:
        """What else is done to the weights after each step of the optimizer."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores by name; the weights of the highest `"score"` are kept."""

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write the model as its users load it."""


@dataclass(frozen=True)
class RunConfig:
    """How a model is trained.

    Args:
        examples: samples to see in all.
        minutes: or as much as fits into so many minutes of training, whichever ends first; the
            learning rate follows the one that is further on.
        learning_rate, weight_decay: of AdamW, the former at the top of the schedule.
        warmup: share of the run over which the learning rate rises.
        final: share of the learning rate that is left at the end.
        ema: decay of the averaged weights, which are validated and kept.
        clip: the gradient's greatest norm.
        precision: of Fabric, such as "bf16-mixed" or "32-true".
        workers: processes that make batches.
        validate_minutes, save_minutes: between validations, and between checkpoints.
        anew: where a run is resumed, its schedule begins once more: `examples` and `minutes` count
            from there. So a run that has ended goes on, or on another machine at its own pace.
    """

    examples: int = 1_000_000
    minutes: float | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.03
    final: float = 0.01
    ema: float = 0.998
    clip: float = 1.0
    precision: str = "bf16-mixed"
    workers: int = 1
    validate_minutes: float = 15.0
    save_minutes: float = 3.0
    seed: int = 0
    anew: bool = False


MAY_CHANGE = (
    "examples",
    "minutes",
    "learning_rate",
    "ema",
    "precision",
    "workers",
    "validate_minutes",
    "save_minutes",
    "anew",
    "group",
    "parts",
    "teacher",
)
"""Fields of a run and of its recipe that may differ when it is resumed, on a GPU for one."""

_REPORTED = 10
"""Steps between reports: to read a loss, the processor must wait for the GPU."""


class Engine:
    """Trains the model of a task, and goes on where the last run in `out` stopped.

    Writes `checkpoint.pt`, `log.csv`, and `model/` (the averaged weights) to `out`; each takes its
    predecessor's place whole, and rank 0 alone writes.

    Args:
        recipe: what makes this run what it is, beside `config`; a resume with another is refused.

    Raises:
        ValueError: the checkpoint in `out` is broken or of another recipe.
    """

    def __init__(
        self, task: Task, config: RunConfig, out: str | Path, recipe: dict[str, Any] | None = None
    ) -> None:
        self.task, self.config, self.out = task, config, Path(out)
        self.recipe = dict(recipe or {})
        self.out.mkdir(parents=True, exist_ok=True)
        self.fabric = Fabric(accelerator="auto", precision=config.precision)
        self.fabric.launch()
        self.fabric.seed_everything(config.seed, verbose=False)
        # Depthwise filters run several times faster so; vectors and matrices stay as they are.
        task.model.to(memory_format=torch.channels_last)
        averaging = get_ema_multi_avg_fn(config.ema)
        self.average = AveragedModel(task.model, multi_avg_fn=averaging, use_buffers=True)
        self.average.to(self.fabric.device)
        # It is read at each step, for which the processor would wait for the GPU.
        self.average.n_averaged = self.average.n_averaged.cpu()
        optimizer = torch.optim.AdamW(
            decayed(task.model, config.weight_decay),
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        # The wrapped module's forward is the loss, so that ranks average its gradients.
        self.losses, self.optimizer = self.fabric.setup(_Losses(task), optimizer)
        self.examples, self.seconds, self.best = 0, 0.0, float("-inf")
        self.begun = (0, 0.0)  # examples and seconds at which the schedule began
        self.rows: list[dict[str, float]] = []
        self.checkpoint = self.out / "checkpoint.pt"
        if self.checkpoint.is_file():
            self._load()

    @property
    def progress(self) -> float:
        """How much of the run is done, in [0, 1]."""
        examples, seconds = self.examples - self.begun[0], self.seconds - self.begun[1]
        done = examples / self.config.examples
        if self.config.minutes is not None:
            done = max(done, seconds / 60 / self.config.minutes)
        return min(1.0, done)

    def fit(self, report: Report = lambda row: None) -> None:
        """Train to the end; `report` is given the losses of every tenth step, and of the first."""
        if self.progress >= 1:
            return
        stream, steps = self._stream(), 0
        started, before = time.monotonic(), self.seconds
        saved = validated = self.seconds
        groups = iter(stream.loader(self.config.workers))
        while self.progress < 1:
            for batch in next(groups).batches:
                losses = self._step(batch, stream)
                self.seconds = before + time.monotonic() - started
                if steps % _REPORTED == 0:
                    row = {name: float(value) for name, value in losses.items()}
                    report(row | {"examples": self.examples, "progress": self.progress})
                steps += 1
            if self.seconds - validated > 60 * self.config.validate_minutes:
                self._validate(row)
                # The clock stands still meanwhile: minutes are minutes of training.
                validated, started, before = self.seconds, time.monotonic(), self.seconds
            if self.seconds - saved > 60 * self.config.save_minutes:
                self.save()
                saved = self.seconds
        self.save()  # before anything of the validation can go wrong
        self._validate(row)
        self.save()

    def _stream(self) -> GroupStream:
        """The stream from the first group on of which nothing was seen, whatever its size."""
        rank, ranks = self.fabric.global_rank, self.fabric.world_size
        size = self.task.stream(0, rank, ranks).size
        stream = self.task.stream(-(-self.examples // size), rank, ranks)
        if self.fabric.device.type == "cpu":
            stream.collate = _Finishing(stream.collate, self.task.finish)
        return stream

    def _step(self, batch: Any, stream: GroupStream) -> dict[str, Tensor]:
        share = rate(self.progress, self.config.warmup, self.config.final)
        for part in self.optimizer.param_groups:
            part["lr"] = self.config.learning_rate * share
        self.losses.train()
        batch = _moved(batch, self.fabric.device)
        if self.fabric.device.type != "cpu":
            batch = self.task.finish(batch)
        losses = self.losses(batch)
        self.fabric.backward(losses["loss"])
        self.fabric.clip_gradients(
            self.losses, self.optimizer, max_norm=self.config.clip, error_if_nonfinite=False
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.task.after_step(self.task.model, self.config.learning_rate * share)
        self.average.update_parameters(self.task.model)
        self.examples += stream.size // stream.parts * self.fabric.world_size
        return {name: value.detach() for name, value in losses.items()}

    def _validate(self, row: dict[str, float]) -> None:
        """Score the averaged weights on rank 0, log them, and keep them where they are the best."""
        if self.fabric.is_global_zero:
            model = self.average.module.eval()
            scores = self.task.validate(model)
            self.rows.append(
                {"examples": self.examples, "hours": round(self.seconds / 3600, 4), **row, **scores}
            )
            write_log(self.out / "log.csv", self.rows)
            if scores["score"] >= self.best:
                self.best = scores["score"]
                # A copy: saving takes a model to the processor.
                self.task.save(copy.deepcopy(model), self.out / "model")
        self.fabric.barrier()

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "model": self.task.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": (self.examples, self.seconds, self.best),
            "begun": self.begun,
            "rows": self.rows,
            "config": self._identity(),
        }
        with replacing(self.checkpoint) as temporary:
            self.fabric.save(temporary, state)

    def _load(self) -> None:
        with loading(self.checkpoint, "recipe"):
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            refuse_another(state["config"], self._identity())
            self.task.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            if "optimizer" in state:  # else its moments are gathered anew
                self.optimizer.load_state_dict(state["optimizer"])
            self.examples, self.seconds, self.best = state["progress"][-3:]
            self.begun = (
                (self.examples, self.seconds) if self.config.anew else state.get("begun", (0, 0.0))
            )
            self.rows = state["rows"]

    def _identity(self) -> dict[str, Any]:
        everything = {**asdict(self.config), **self.recipe}
        return {name: value for name, value in everything.items() if name not in MAY_CHANGE}


@dataclass(frozen=True)
class _Finishing:
    """Collates samples and finishes their batch; not a closure, for workers that are spawned."""

    collate: Callable[[Any], Any]
    finish: Callable[[Any], Any]

    def __call__(self, samples: Any) -> Any:
        return self.finish(self.collate(samples))


class _Losses(nn.Module):
    """A model whose forward is its loss."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.model, self.task = task.model, task

    def forward(self, batch: Any) -> dict[str, Tensor]:
        return self.task.loss(self.model, batch)


def _moved(batch: Any, device: torch.device) -> Any:
    """A batch, its tensors on `device`: a dict of tensors and other values."""
    if isinstance(batch, dict):
        return {k: _moved(v, device) for k, v in batch.items()}
    return batch.to(device, non_blocking=True) if isinstance(batch, Tensor) else batch
