import numpy as np
import pytest

pytest.importorskip("scipy")

from isotrope.training.segmentation_targets import distances


def test_distances_are_relative_to_the_deepest_pixel_of_each_instance():
    labels = np.zeros((7, 9), np.int32)
    labels[1:6, 1:6] = 3  # 5x5 beside 1x3, which touches it
    labels[3:6, 6] = 5
    deep = distances(labels)
    assert deep[3, 3] == 1
    assert deep[2, 2] == pytest.approx(2 / 3)
    assert deep[1, 1:6] == pytest.approx(1 / 3)
    assert deep[3, 5] == pytest.approx(1 / 3)  # the neighbor is as far as the outside
    assert (deep[3:6, 6] == 1).all()
    assert ((deep > 0) == (labels > 0)).all()


def test_the_border_of_the_image_is_an_edge():
    assert distances(np.ones((3, 5), np.int32)).tolist() == [
        [0.5] * 5,
        [0.5, 1, 1, 1, 0.5],
        [0.5] * 5,
    ]


@pytest.mark.parametrize("turns", range(4))
def test_they_turn_with_the_labels(turns):
    labels = np.random.default_rng(0).integers(0, 4, (12, 17)).astype(np.int32)
    assert np.array_equal(distances(np.rot90(labels, turns)), np.rot90(distances(labels), turns))


def test_large_numbers_cost_no_memory():
    labels = np.zeros((4, 6), np.int32)
    labels[:, 1:4] = 1
    assert np.array_equal(distances(labels * (2**31 - 1)), distances(labels))
