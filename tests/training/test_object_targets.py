import numpy as np
import pytest

from isotrope.training.object_targets import draw_objects


def test_cores_are_ellipses_and_sides_the_distances_from_their_positions():
    core, sides = draw_objects(np.array([[4.0, 8, 28, 20]]), (32, 40), 4)
    assert core.shape == (8, 10)
    assert core[3].tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    assert core.sum(1).tolist() == [0, 0, 0, 4, 0, 0, 0, 0]
    assert np.exp(sides[:, 3, 2]) == pytest.approx([18, 6, 6, 6])  # right, up, left, down
    assert np.exp(sides[:, 3, 5]) == pytest.approx([6, 6, 18, 6])
    assert (sides[:, core == 0] == 0).all()


def test_of_two_that_touch_each_position_has_the_sides_of_its_own():
    core, sides = draw_objects(np.array([[0.0, 0, 16, 16], [16, 0, 32, 16]]), (16, 32), 4)
    assert core[1].tolist() == [0, 1, 1, 0, 0, 1, 1, 0]
    assert np.exp(sides[0, 1, [1, 6]]) == pytest.approx([10, 6])


def test_the_smallest_has_a_position_and_nothing_gives_nothing():
    core, sides = draw_objects(np.array([[9.0, 9, 10, 10]]), (16, 16), 4)
    assert core.sum() == core[2, 2] == 1
    assert np.exp(sides[:, 2, 2]) == pytest.approx([0.5, 1, 1, 0.5])
    core, sides = draw_objects(np.zeros((0, 4)), (8, 8), 4)
    assert not core.any()
    assert not sides.any()
