"""An endless stream of training batches that worker processes and ranks share, resumable exactly.

The stream is numbered in groups. A group is made whole by one worker, sorted by extent and cut into
batches of alike samples; the checkpoint holds the number of the next group. So resuming, with
however many workers or ranks, repeats nothing and skips nothing, and every rank takes the same
number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


class Sample(Protocol):
    """Anything with an extent, such as a width in pixels, by which a group is sorted."""

    @property
    def extent(self) -> float: ...


@dataclass(frozen=True)
class Group:
    """`number` in the stream, and the batches that a worker made of its samples."""

    number: int
    batches: list[Any]


class GroupStream(IterableDataset):
    """Groups `start + rank, start + rank + ranks, ...`, without end.

    Args:
        draw: makes one sample from a generator; sample `i` of group `n` has the seed
            `(seed, n, i)`, whoever makes it. It raises `SkippedSample` for one that is of no use,
            and another is drawn in its place.
        collate: samples of like extent to a batch.
        size: samples of a group; `parts` batches are made of them.
        start: the group at which the stream begins.
        rank, ranks: which of so many processes this is.
    """

    def __init__(
        self,
        draw: Callable[[np.random.Generator], Sample],
        collate: Callable[[Sequence[Sample]], Any],
        size: int,
        parts: int,
        *,
        seed: int = 0,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if size % parts:
            raise ValueError(f"size={size} is not a multiple of parts={parts}; give one that is")
        self.draw, self.collate = draw, collate
        self.size, self.parts, self.seed = size, parts, seed
        self.start, self.rank, self.ranks = start, rank, ranks

    def group(self, number: int) -> Group:
        """Group `number`, a function of it and the seed alone."""
        samples = sorted(
            (self._sample(number, i) for i in range(self.size)), key=lambda s: s.extent
        )
        each = self.size // self.parts
        batches = [self.collate(samples[i : i + each]) for i in range(0, self.size, each)]
        order = np.random.default_rng((self.seed, number)).permutation(self.parts)
        return Group(number, [batches[i] for i in order])

    def _sample(self, number: int, place: int) -> Sample:
        rng = np.random.default_rng((self.seed, number, place))
        while True:
            try:
                return self.draw(rng)
            except SkippedSample:
                continue

    def __iter__(self) -> Iterator[Group]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        if worker:
            torch.set_num_threads(1)
        number = self.start + self.rank + first * self.ranks
        while True:
            yield self.group(number)
            number += step * self.ranks

    def loader(self, workers: int, ahead: int = 2) -> DataLoader:
        """The groups in order, made by `workers` processes; each keeps `ahead` ready."""
        return DataLoader(
            self, batch_size=None, num_workers=workers, prefetch_factor=ahead if workers else None
        )


class SkippedSample(Exception):
    """A sample that cannot be used: too long, too small, of unknown characters."""
