"""The stream of groups: reproducible, in order, shared by workers and ranks, whole when resumed."""

from dataclasses import dataclass

import pytest
import torch

from isotrope.data.stream import GroupStream, SkippedSample


@dataclass(frozen=True)
class Number:
    value: float

    @property
    def extent(self) -> float:
        return self.value


def number(rng) -> Number:
    if (value := float(rng.random())) < 0.2:
        raise SkippedSample
    return Number(value)


def tensor(samples) -> torch.Tensor:
    return torch.tensor([sample.value for sample in samples])


def stream(size=8, parts=2, **changes) -> GroupStream:
    return GroupStream(number, tensor, size, parts, **changes)


def taken(groups, count) -> list:
    return [group for group, _ in zip(groups, range(count), strict=False)]


def same(group, other) -> bool:
    pairs = zip(group.batches, other.batches, strict=True)
    return group.number == other.number and all(torch.equal(a, b) for a, b in pairs)


def test_a_group_is_a_function_of_seed_and_number():
    assert same(stream().group(3), stream(start=9).group(3))
    assert not torch.equal(stream().group(3).batches[0], stream().group(4).batches[0])
    assert not torch.equal(stream().group(3).batches[0], stream(seed=1).group(3).batches[0])


def test_batches_are_of_like_extent_and_none_is_skipped_for_good():
    low, high = sorted(stream().group(0).batches, key=lambda batch: float(batch[0]))
    assert len(low) == len(high) == 4
    assert low.max() <= high.min()
    assert low.min() >= 0.2


@pytest.mark.parametrize("workers", [0, 2])
def test_groups_come_in_order_with_any_number_of_workers(workers):
    loader = stream(start=5).loader(workers)
    groups = taken(iter(loader), 4)
    assert all(same(group, stream().group(5 + i)) for i, group in enumerate(groups))


def test_ranks_share_the_groups_between_them():
    both = [taken(iter(stream(rank=rank, ranks=2)), 3) for rank in (0, 1)]
    assert [[group.number for group in groups] for groups in both] == [[0, 2, 4], [1, 3, 5]]


def test_a_size_that_parts_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="size=9 is not a multiple of parts=2; give one that is"):
        stream(size=9)
