"""Lines that were found are matched to those that there are."""

import numpy as np
import pytest

from isotrope.ocr.detection.scores import LineScore, score_lines


def box(left, top, width=100.0, height=20.0):
    return np.array(
        [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
    )


def test_lines_match_from_half_of_their_union_on():
    true = [box(0, 0)]
    assert score_lines([box(0, 6)], true).hits == 1  # 14 / 26
    assert score_lines([box(0, 7)], true).hits == 0  # 13 / 27
    assert score_lines([box(0, 7)], true, least=0.4).hits == 1


def test_each_line_is_matched_once_and_to_the_best():
    true = [box(0, 0), box(0, 20)]
    found = [box(0, 1), box(0, 0), box(0, 19)]
    assert score_lines(found, true) == LineScore(2, 3, 2)
    assert score_lines([box(0, 0, 200)], [box(0, 0), box(100, 0)]).hits == 1


def test_a_line_that_crosses_itself_is_mended():
    crossed = box(0, 0)[[0, 1, 3, 2]]
    assert score_lines([crossed], [box(0, 0)]).found == 1


def test_nothing_to_find():
    assert score_lines([], []).f == 1
    assert score_lines([box(0, 0)], []) == LineScore(0, 1, 0)
    assert score_lines([], [box(0, 0)]).f == 0


def test_scores_add_up():
    score = LineScore(3, 4, 5) + LineScore(1, 1, 2)
    assert score == LineScore(4, 5, 7)
    assert score.f == pytest.approx(8 / 12)
