"""Lines are grouped by direction."""

import pytest

from isotrope.ocr.order.directions import directions


def test_the_heaviest_group_comes_first():
    first, second = directions([90, 0, 1, -1], [50, 20, 20, 20], [False] * 4)
    assert (first[0] % 360, first[1]) == (0, [1, 2, 3])
    assert (second[0] % 360, second[1]) == (90, [0])


@pytest.mark.parametrize("period", [180, 360])
def test_directions_wrap_around(period):
    groups = directions([period - 2, 2, period - 1], [1, 1, 1], [False] * 3, period)
    assert [members for _, members in groups] == [[0, 1, 2]]
    assert groups[0][0] % period == period - 1


def test_a_line_is_the_same_from_either_end_if_the_period_is_180():
    assert len(directions([0, 180, 179], [1, 1, 1], [False] * 3, 180)) == 1
    assert len(directions([0, 180], [1, 1], [False] * 2)) == 2


def test_short_lines_join_the_heaviest_group_within_45_degrees():
    angles, weights = [0, 90, 30, 70], [100, 80, 3, 3]
    (_, level), (_, upwards) = directions(angles, weights, [False, False, True, True])
    assert (level, upwards) == ([0, 2], [1, 3])


def test_short_lines_alone_have_the_directions_they_have():
    ((angle, members),) = directions([3, 5, 4], [1, 1, 1], [True] * 3)
    assert (angle, members) == (4, [0, 1, 2])
