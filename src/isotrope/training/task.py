"""The tasks that the engine trains: a model, its stream of batches, its loss and its scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from isotrope.data.stream import GroupStream, Stream

Model = TypeVar("Model", bound=nn.Module)


class Task(ABC, Generic[Model]):
    """Defines what is learned; `Engine` trains it.

    Attributes:
        model: The model to train. It includes modules that only the loss needs, so that they are in
            the optimizer and the checkpoint; `save` may leave them out.
        epoch: Number of examples in a finite set; None: the stream has no epochs.
        made_of: The identity of a run besides its recipe, such as digests of the data, as JSON
            values; a run cannot be resumed with other values.
        faster: Factors of the learning rate, each for the parameters whose names contain the key.
        frozen_known: Whether `made_of` identifies the frozen weights; checkpoints then leave them
            out, which for an adapter is nearly all.
    """

    model: Model
    epoch: int | None = None
    made_of: Mapping[str, Any] = MappingProxyType({})
    faster: Mapping[str, float] = MappingProxyType({})
    frozen_known: bool = False

    def begin(self) -> None:
        """Load the initial weights; called once for a new run, not for a resumed one."""

    @abstractmethod
    def stream(self, start: int, rank: int, ranks: int) -> Stream:
        """The training batches from group `start` on, for rank `rank` of `ranks`.

        A batch is a dict of tensors and other values.
        """

    def finish(self, batch: Any) -> Any:
        """Complete a batch: in the workers when training on a CPU, else on the GPU."""
        return batch

    @abstractmethod
    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """Losses by name; `"loss"` is minimized, the others are logged and need no gradient.

        Draws from torch's global generators are reproducible after a resume: the engine seeds them
        for each group.
        """

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """The parts of a model that FSDP shards, and that are compiled or recomputed, one by one.

        Offer them if the loss calls the model as a whole, which is what gathers sharded weights.
        """
        del model
        return ()

    def after_step(self, model: Model, learning_rate: float) -> None:
        """Change the weights after each optimizer step, if needed."""

    @abstractmethod
    def validate(self, model: Model) -> dict[str, float]:
        """Scores of the averaged weights, by name; a higher `"score"` is better."""

    @abstractmethod
    def save(self, model: Model, folder: Path) -> None:
        """Write the model in the format that users load."""

    def saved(self, folder: Path) -> bool:
        """Whether `save` has written there."""
        return folder.is_dir()

    def panels(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """The columns of the log that `curve.png` shows, by the label of their panel.

        By default one panel with all losses and one with all scores.
        """
        apart = ("examples", "epochs", "hours", "score")
        losses = [c for c in columns if c.startswith("train_")]
        scores = [c for c in columns if c not in apart and c not in losses]
        return {"loss": losses, "score": scores}


def channels_last(model: Model) -> Model:
    """The model with its filters channels last, which makes depthwise ones several times faster.

    Vectors and matrices do not change.
    """
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


class GroupedTask(Task[Model]):
    """A task whose samples are drawn without end, each from its own generator.

    Args:
        group, parts: Number of samples in a group of the stream, and of batches made from it.
        seed: Seed of the stream.

    Attributes:
        kind_of_stream: Says how a group is cut into batches.
    """

    kind_of_stream: ClassVar[type[GroupStream[Any]]] = GroupStream

    def __init__(self, model: Model, group: int, parts: int, seed: int = 0) -> None:
        self.model = model
        self.group, self.parts, self.seed = group, parts, seed

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """One sample, which has an `extent`; raises `SkippedSample` if it is unusable."""

    @abstractmethod
    def collate(self, samples: Sequence[Any]) -> Any:
        """A batch of samples with similar extents."""

    def stream(self, start: int, rank: int, ranks: int) -> GroupStream:
        """The groups from `start` on."""
        return self.kind_of_stream(
            self.draw,
            self.collate,
            self.group,
            self.parts,
            seed=self.seed,
            start=start,
            rank=rank,
            ranks=ranks,
        )
