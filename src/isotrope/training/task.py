"""What the engine trains: a model, its stream of batches, its loss, and how well it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from isotrope.data.stream import GroupStream, Stream

Model = TypeVar("Model", bound=nn.Module)


class Task(ABC, Generic[Model]):
    """What is learned; `Engine` knows how.

    Attributes:
        model: What is trained. Modules that only the loss needs belong to it too, so that the
            optimizer and the checkpoint know them; `save` may leave them out.
        epoch: Examples of a finite set; None: the stream has no epochs.
        made_of: What makes a run what it is beside its recipe, such as digests of the data, as JSON
            has it; a resume with anything else is refused.
    """

    model: Model
    epoch: int | None = None
    made_of: Mapping[str, Any] = MappingProxyType({})

    def begin(self) -> None:
        """Called once for a new run, not for a resumed one: take over weights to begin with."""

    @abstractmethod
    def stream(self, start: int, rank: int, ranks: int) -> Stream:
        """The training batches from group `start` on, for one of so many ranks.

        A batch is a dict of tensors and other values.
        """

    def finish(self, batch: Any) -> Any:
        """What is left to do to a batch: on a CPU the workers do it, on a GPU the GPU."""
        return batch

    @abstractmethod
    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """Losses by name; `"loss"` is minimized, the others are logged and need no graph.

        Draws from torch's global generators are the same after a resume: the engine seeds them
        for each group.
        """

    def after_step(self, model: Model, learning_rate: float) -> None:
        """What else is done to the weights after each step of the optimizer."""

    @abstractmethod
    def validate(self, model: Model) -> dict[str, float]:
        """Scores by name of the averaged weights; the highest `"score"` is the best."""

    @abstractmethod
    def save(self, model: Model, folder: Path) -> None:
        """Write the model as its users load it."""

    def saved(self, folder: Path) -> bool:
        """Whether `save` has written there."""
        return folder.is_dir()

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """The columns of the log that `curve.png` shows, by the label of their panel.

        Left as it is: those of the losses, and those of all scores.
        """
        apart = ("examples", "epochs", "hours", "score")
        losses = [c for c in columns if c.startswith("train_")]
        scores = [c for c in columns if c not in apart and c not in losses]
        return {"loss": losses, "score": scores}


def channels_last(model: Model) -> Model:
    """The model itself, its filters in an order in which depthwise ones run several times faster.

    Vectors and matrices stay as they are.
    """
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


class GroupedTask(Task[Model]):
    """A task whose samples are drawn without end, each from its own generator.

    Args:
        group, parts: Samples of a group of the stream, and batches made of them.
        seed: Of the stream.
    """

    def __init__(self, model: Model, group: int, parts: int, seed: int = 0) -> None:
        self.model = model
        self.group, self.parts, self.seed = group, parts, seed

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """One sample, which has an `extent`; raises `SkippedSample` for one of no use."""

    @abstractmethod
    def collate(self, samples: Sequence[Any]) -> Any:
        """A batch of samples of like extent."""

    def stream(self, start: int, rank: int, ranks: int) -> GroupStream:
        """The groups from `start` on."""
        return GroupStream(
            self.draw,
            self.collate,
            self.group,
            self.parts,
            seed=self.seed,
            start=start,
            rank=rank,
            ranks=ranks,
        )
