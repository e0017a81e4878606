"""Running statistics of batch norms over all ranks, on CPUs, where torch leaves them apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class RunningStatistics:
    """The running means and variances of a model's batch norms, over the batches of all ranks.

    A pass moves them as `r <- (1 - m) r + m s`, by the statistics `s` of its batch and the momentum
    `m`. So a rank that starts at `r` and ends at `r_k = a r + d_k` has moved by `d_k`, and one
    process that passes through the batches of all ranks in turn moves by `a x + d_k` each time.
    That is what `shared` leaves on every rank. Each rank normalizes with its own batch, as each
    batch does that is accumulated. On GPUs `nn.SyncBatchNorm` makes one batch of all instead.

    Args:
        ranks: Number of ranks; 1: nothing is changed.
    """

    def __init__(self, model: nn.Module, ranks: int) -> None:
        self.ranks = ranks
        norms = (each for each in model.modules() if isinstance(each, _BatchNorm))
        self.norms = [each for each in norms if ranks > 1 and _follows(each)]

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Share what the passes in this context changed; every rank must enter it."""
        if not self.norms:
            yield
            return
        start, counts = self._values(), self._counts()
        yield
        passes = [now - before for now, before in zip(self._counts(), counts, strict=True)]
        end = self._values()
        ends = [torch.empty_like(end) for _ in range(self.ranks)]
        torch.distributed.all_gather(ends, end)
        sizes = [2 * norm.num_features for norm in self.norms]
        kept = [(1 - (norm.momentum or 0)) ** n for norm, n in zip(self.norms, passes, strict=True)]
        share = torch.tensor(kept).repeat_interleave(torch.tensor(sizes)).to(start)
        values = start
        for each in ends:
            values = each + share * (values - start)
        for norm, own, n in zip(self.norms, values.split(sizes), passes, strict=True):
            mean, variance, count = _buffers(norm)
            mean.copy_(own[: norm.num_features])
            variance.copy_(own[norm.num_features :])
            count += (self.ranks - 1) * n

    def _values(self) -> Tensor:
        return torch.cat([value for norm in self.norms for value in _buffers(norm)[:2]])

    def _counts(self) -> list[int]:
        return [int(_buffers(norm)[2]) for norm in self.norms]


def _buffers(norm: _BatchNorm) -> tuple[Tensor, Tensor, Tensor]:
    """The running mean and variance, and the number of batches that they are of."""
    found = norm.running_mean, norm.running_var, norm.num_batches_tracked
    return found  # pyright: ignore[reportReturnType]


def _follows(norm: _BatchNorm) -> bool:
    """Whether its statistics follow the batches of its rank alone, by a momentum."""
    apart = not isinstance(norm, nn.SyncBatchNorm)
    return apart and norm.track_running_stats and norm.momentum is not None
