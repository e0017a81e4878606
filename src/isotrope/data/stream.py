"""Streams of training batches that worker processes and ranks share, resumable exactly.

A stream is numbered in groups of batches. A group is a function of its number and the seed, and one
worker makes it whole; a checkpoint holds how many examples were seen, which says which group is
next. So resuming, with any number of workers or ranks, repeats nothing and skips nothing, and every
rank takes the same number of steps.
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
    """Anything with an extent, such as a width in pixels, by which a group is sorted."""

    @property
    def extent(self) -> float:
        """What a group is sorted by: a width, or an aspect ratio."""
        ...


Drawn = TypeVar("Drawn", bound=Sample)


@dataclass(frozen=True)
class Group:
    """`number` in the stream, and the batches that a worker made of its samples."""

    number: int
    batches: list[Any]


class Stream(IterableDataset, ABC):
    """Groups `start + rank, start + rank + ranks, ...`, without end.

    Args:
        start: The group at which the stream begins.
        rank, ranks: This process's number, and how many processes share the stream.
    """

    finish: Callable[[Any], Any] | None = None
    """What the worker that makes a batch does to it last; left out: nothing."""

    def __init__(self, seed: int = 0, start: int = 0, rank: int = 0, ranks: int = 1) -> None:
        self.seed, self.start, self.rank, self.ranks = seed, start, rank, ranks

    @abstractmethod
    def group(self, number: int) -> Group:
        """Group `number`, a function of it and the seed alone."""

    @abstractmethod
    def seen(self, groups: int) -> int:
        """The number of examples in the first so many groups."""

    @abstractmethod
    def next_group(self, examples: int) -> int:
        """The first group that holds none of the first so many examples."""

    def __iter__(self) -> Iterator[Group]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        if worker:
            torch.set_num_threads(1)  # in the worker's own process
        number = self.start + self.rank + first * self.ranks
        while True:
            group = self.group(number)
            if self.finish is not None:
                group = Group(number, [self.finish(batch) for batch in group.batches])
            yield group
            number += step * self.ranks

    def loader(self, workers: int, ahead: int = 2) -> DataLoader:
        """The groups in order, made by `workers` processes; each keeps `ahead` ready."""
        return DataLoader(
            self, batch_size=None, num_workers=workers, prefetch_factor=ahead if workers else None
        )


class GroupStream(Stream, Generic[Drawn]):
    """Samples that are drawn without end; a group is sorted by extent and cut into batches.

    Args:
        draw: Makes one sample from a generator; sample `i` of group `n` has the seed
            `(seed, n, i)`, whoever makes it. It raises `SkippedSample` for one that cannot be used,
            and another is drawn in its place.
        collate: Makes a batch of samples of like extent.
        size: Samples of a group; `parts` batches are made of them.
        start, rank, ranks: As `Stream` takes them.
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
        """Samples of like extent in each batch, the batches in an order of their own."""
        samples = sorted(
            (self._sample(number, i) for i in range(self.size)), key=lambda s: s.extent
        )
        batches = [self.collate(part) for part in self.cut(samples)]
        order = np.random.default_rng((self.seed, number)).permutation(self.parts)
        return Group(number, [batches[i] for i in order])

    def cut(self, samples: Sequence[Drawn]) -> list[Sequence[Drawn]]:
        """A sorted group in `parts` runs of as many samples, each to be a batch."""
        each = self.size // self.parts
        return [samples[i : i + each] for i in range(0, self.size, each)]

    def seen(self, groups: int) -> int:
        """All groups have the same size."""
        return groups * self.size

    def next_group(self, examples: int) -> int:
        """A group that was begun counts as seen."""
        return -(-examples // self.size)

    def _sample(self, number: int, place: int) -> Drawn:
        rng = np.random.default_rng((self.seed, number, place))
        while True:
            try:
                return self.draw(rng)
            except SkippedSample:
                continue


class EpochStream(Stream):
    """A finite set, each of whose examples comes once an epoch, in an order of its own.

    A group is one batch; the last one of an epoch may be smaller.

    Args:
        count: Examples in the set.
        batch_size: Examples in a batch.
        collate: Makes a batch of the numbers of its examples, int64 `(B,)`, and its own number in
            the stream.
        start, rank, ranks: As `Stream` takes them.
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
        self._order: tuple[int, Tensor] | None = None  # of the epoch that was asked for last

    def group(self, number: int) -> Group:
        """The next batch of its epoch."""
        epoch, place = divmod(number, self.steps)
        if self._order is None or self._order[0] != epoch:
            generator = seeded(self.seed, 0, epoch)
            self._order = epoch, torch.randperm(self.count, generator=generator)
        numbers = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        return Group(number, [self.collate(numbers, number)])

    def seen(self, groups: int) -> int:
        """Whole epochs, and batches of the last."""
        epochs, place = divmod(groups, self.steps)
        return epochs * self.count + place * self.batch_size

    def next_group(self, examples: int) -> int:
        """A batch that was begun counts as seen."""
        epochs, rest = divmod(examples, self.count)
        return epochs * self.steps + -(-rest // self.batch_size)


def seeded(seed: int, purpose: int, number: int) -> torch.Generator:
    """A generator of its own for each purpose (0 to 2) and number, such as an epoch or a step."""
    mixed = (seed * 3 + purpose) * 1_000_003 + number
    return torch.Generator().manual_seed(mixed)


class SkippedSample(Exception):
    """A sample that cannot be used: too long, too small, of unknown characters."""
