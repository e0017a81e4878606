"""The stream of groups: reproducible, in order, shared by workers and ranks, whole when resumed."""

from dataclasses import dataclass

import pytest
import torch

from isotrope.data.stream import EpochStream, GroupStream, SkippedSample


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


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_wrong_with_the_data_comes_as_it_is_from_any_worker(workers):
    def collate(numbers, number):
        if number == 3:
            raise ValueError("dog/004.png cannot be read; take it out")
        return numbers

    groups = EpochStream(10, 2, collate).loader(workers)
    assert [next(groups).number for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match=r"^dog/004\.png cannot be read; take it out$"):
        next(groups)


def test_ranks_share_the_groups_between_them():
    both = [taken(iter(stream(rank=rank, ranks=2)), 3) for rank in (0, 1)]
    assert [[group.number for group in groups] for groups in both] == [[0, 2, 4], [1, 3, 5]]


def test_a_size_that_parts_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="size=9 is not a multiple of parts=2; give one that is"):
        stream(size=9)


def epochs(count=10, batch_size=4, **changes) -> EpochStream:
    return EpochStream(count, batch_size, lambda numbers, number: numbers, **changes)


def test_an_epoch_has_every_example_once_in_an_order_of_its_own():
    groups = taken(iter(epochs()), 6)
    assert [len(group.batches[0]) for group in groups] == [4, 4, 2, 4, 4, 2]
    first, second = (torch.cat([g.batches[0] for g in groups[i : i + 3]]) for i in (0, 3))
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()
    assert not torch.equal(first, torch.cat([epochs(seed=1).group(i).batches[0] for i in range(3)]))


def test_what_was_seen_says_which_group_is_next():
    stream = epochs()
    assert [stream.seen(groups) for groups in range(5)] == [0, 4, 8, 10, 14]
    assert [stream.next_group(seen) for seen in (0, 4, 8, 10, 14, 13)] == [0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("make", [stream, epochs])
def test_a_stream_is_handed_over_between_ranks_and_workers(make):
    """Rounds of so many ranks and workers, each of which takes three groups."""
    numbers, examples = [], 0
    for ranks, workers in ((1, 0), (3, 0), (2, 0), (1, 2), (2, 2)):
        start = make().next_group(examples)
        for rank in range(ranks):
            part = make(start=start, rank=rank, ranks=ranks)
            numbers += [group.number for group in taken(iter(part.loader(workers)), 3)]
        examples += make().seen(start + 3 * ranks) - make().seen(start)
    assert sorted(numbers) == list(range(27))


def test_a_stream_in_the_training_process_leaves_its_threads_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        taken(iter(stream().loader(0)), 1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
