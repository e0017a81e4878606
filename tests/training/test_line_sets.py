"""Which lines of a set are used."""

from isotrope.training.line_sets import evenly


def test_lines_are_evenly_spread():
    assert evenly(3, 200) == [0, 1, 2]
    assert evenly(201, 3) == [0, 100, 200]
    assert evenly(0, 3) == []
