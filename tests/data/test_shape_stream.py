"""Batches of like shape: about as many pixels in each, and none that mixes high and wide images."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from isotrope.data.shape_stream import ShapeStream


@dataclass(frozen=True)
class Shape:
    extent: float


def parts(ratios, count):
    """A group of images of these ratios, cut."""
    stream = ShapeStream(lambda _: Shape(1.0), list, len(ratios), count)
    return [[s.extent for s in part] for part in stream.cut([Shape(r) for r in sorted(ratios)])]


def test_batches_have_about_as_many_pixels():
    ratios = np.random.default_rng(0).uniform(1, 30, 256)
    cut = parts(ratios, 8)
    assert sorted(ratio for part in cut for ratio in part) == sorted(ratios)
    assert all(sum(part) == pytest.approx(ratios.sum() / 8, rel=0.15) for part in cut)


def test_high_images_are_apart_unless_they_are_few():
    wide = [2.0] * 60
    assert parts([0.5] * 4 + wide, 4)[0] == [0.5] * 4
    assert parts([0.5] * 3 + wide, 4)[0][:4] == [0.5, 0.5, 0.5, 2.0]
    assert [len(part) for part in parts([0.5] * 30 + [2.0] * 30, 4)] == [15] * 4
    assert [len(part) for part in parts([0.5] * 8, 2)] == [4, 4]


@pytest.mark.parametrize("ratios", [[0.5, 0.5, 0.5, 0.5, 40], [1, 1, 1, 1, 40], [0.01, 1, 1, 1, 1]])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_group_has_as_many_batches(ratios, count):
    cut = parts(ratios, count)
    assert len(cut) == count
    assert all(cut)


def test_the_group_is_cut_and_its_batches_shuffled():
    stream = ShapeStream(lambda rng: Shape(rng.uniform(0.3, 9)), list, 40, 5, seed=3)
    batches = stream.group(2).batches
    assert len(batches) == 5
    assert sum(map(len, batches)) == 40
    assert batches == stream.group(2).batches != stream.group(3).batches


def test_more_batches_than_images_are_refused():
    with pytest.raises(ValueError, match="parts=5 must be from 1 to size=4"):
        ShapeStream(lambda _: Shape(1.0), list, 4, 5)


def test_without_workers_the_training_process_keeps_its_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        next(iter(ShapeStream(lambda _: Shape(1.0), list, 4, 1).loader(0)))
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
