"""Exactly resumable streams of training batches, shared by worker processes and ranks.

A stream is a numbered sequence of groups of batches. A group depends only on its number and the
seed, and one worker makes all of it. A checkpoint stores the number of examples seen, which
determines the next group. Resuming with any number of workers or ranks therefore repeats and skips
nothing, and every rank takes the same number of steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


class Sample(Protocol):
    """Anything with an extent, such as a width in pixels, to sort a group by."""

    @property
    def extent(self) -> float:
        """The sort key within a group: a width, or an aspect ratio."""
        ...


Drawn = TypeVar("Drawn", bound=Sample)


@dataclass(frozen=True)
class Group:
    """A group's number in the stream, and its batches."""

    number: int
    batches: list[Any]

    def seed(self, seed: int, part: int) -> int:
        """The seed of dropout for a batch: the same on whichever rank, and after a resume."""
        return (seed * 1_000_003 + self.number) * 1_009 + part


class Stream(IterableDataset, ABC):
    """Endless stream of groups `start + rank, start + rank + ranks, ...`.

    Args:
        start: The group at which the stream begins.
        rank, ranks: This process's number, and how many processes share the stream.
    """

    finish: Callable[[Any], Any] | None = None
    """Last step that the worker applies to each batch, if any."""

    def __init__(self, seed: int = 0, start: int = 0, rank: int = 0, ranks: int = 1) -> None:
        self.seed, self.start, self.rank, self.ranks = seed, start, rank, ranks

    @abstractmethod
    def group(self, number: int) -> Group:
        """Make group `number`, which depends only on the number and the seed."""

    @abstractmethod
    def seen(self, groups: int) -> int:
        """Number of examples in the first `groups` groups."""

    @abstractmethod
    def next_group(self, examples: int) -> int:
        """First group without any of the first `examples` examples."""

    def __iter__(self) -> Iterator[Group | ValueError]:
        """The groups; a worker gives what is wrong with the data in place of a group, and ends."""
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        if worker:
            torch.set_num_threads(1)  # in the worker's own process
        number = self.start + self.rank + first * self.ranks
        while True:
            try:
                group = self.group(number)
            except ValueError as error:
                if worker is None:
                    raise
                yield ValueError(str(error))  # raised here, torch would add the worker's traceback
                return
            if self.finish is not None:
                group = Group(number, [self.finish(batch) for batch in group.batches])
            yield group
            number += step * self.ranks

    def loader(self, workers: int, ahead: int = 2) -> Iterator[Group]:
        """Load the groups in order with `workers` processes; each prefetches `ahead` groups.

        Raises:
            ValueError: The data of a group cannot be read.
        """
        loaded = DataLoader(
            self, batch_size=None, num_workers=workers, prefetch_factor=ahead if workers else None
        )
        for group in loaded:
            if isinstance(group, ValueError):
                raise group
            yield group


class GroupStream(Stream, Generic[Drawn]):
    """Endless random samples; a group is sorted by extent and cut into batches.

    Args:
        draw: Makes one sample from a generator; sample `i` of group `n` has the seed
            `(seed, n, i)` in every worker. It raises `SkippedSample` for an unusable sample, and
            another is drawn in its place.
        collate: Makes a batch of samples with similar extents.
        size: Samples per group, cut into `parts` batches.
        start, rank, ranks: As in `Stream`.
    """

    def __init__(
        self,
        draw: Callable[[np.random.Generator], Drawn],
        collate: Callable[[Sequence[Drawn]], Any],
        size: int,
        parts: int,
        *,
        seed: int = 0,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        super().__init__(seed, start, rank, ranks)
        if size % parts:
            raise ValueError(f"size={size} is not a multiple of parts={parts}; give one that is")
        self.draw, self.collate = draw, collate
        self.size, self.parts = size, parts

    def group(self, number: int) -> Group:
        """Make batches of samples with similar extents, in shuffled order."""
        samples = sorted(
            (self._sample(number, i) for i in range(self.size)), key=lambda s: s.extent
        )
        batches = [self.collate(part) for part in self.cut(samples)]
        order = np.random.default_rng((self.seed, number)).permutation(self.parts)
        return Group(number, [batches[i] for i in order])

    def cut(self, samples: Sequence[Drawn]) -> list[Sequence[Drawn]]:
        """Cut a sorted group into `parts` runs of equal length, one per batch."""
        each = self.size // self.parts
        return [samples[i : i + each] for i in range(0, self.size, each)]

    def seen(self, groups: int) -> int:
        """All groups have the same size."""
        return groups * self.size

    def next_group(self, examples: int) -> int:
        """A partly seen group counts as seen."""
        return -(-examples // self.size)

    def _sample(self, number: int, place: int) -> Drawn:
        rng = np.random.default_rng((self.seed, number, place))
        while True:
            try:
                return self.draw(rng)
            except SkippedSample:
                continue


class EpochStream(Stream):
    """A finite set; every example comes once per epoch, in a new order each epoch.

    A group is one batch; the last one of an epoch may be smaller.

    Args:
        count: Examples in the set.
        batch_size: Examples in a batch.
        collate: Makes a batch from the indices of its examples, int64 `(B,)`, and the batch's
            number in the stream.
        start, rank, ranks: As in `Stream`.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        collate: Callable[[Tensor, int], Any],
        *,
        seed: int = 0,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        super().__init__(seed, start, rank, ranks)
        self.count, self.batch_size, self.collate = count, batch_size, collate
        self.steps = -(-count // batch_size)
        self._order: tuple[int, Tensor] | None = None  # the most recent epoch and its order

    def group(self, number: int) -> Group:
        """The next batch of its epoch."""
        epoch, place = divmod(number, self.steps)
        if self._order is None or self._order[0] != epoch:
            generator = seeded(self.seed, 0, epoch)
            self._order = epoch, torch.randperm(self.count, generator=generator)
        numbers = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        return Group(number, [self.collate(numbers, number)])

    def seen(self, groups: int) -> int:
        """Complete epochs, and batches of the last."""
        epochs, place = divmod(groups, self.steps)
        return epochs * self.count + place * self.batch_size

    def next_group(self, examples: int) -> int:
        """A partly seen batch counts as seen."""
        epochs, rest = divmod(examples, self.count)
        return epochs * self.steps + -(-rest // self.batch_size)


def seeded(seed: int, purpose: int, number: int) -> torch.Generator:
    """Make a separate generator for each purpose (0 to 2) and number, such as an epoch or step."""
    mixed = (seed * 3 + purpose) * 1_000_003 + number
    return torch.Generator().manual_seed(mixed)


class SkippedSample(Exception):
    """A sample that cannot be used: too long, too small, or with unknown characters."""
