"""AP and AJI against cases worked by hand."""

import numpy as np
import pytest

from isotrope.training.instance_scores import (
    THRESHOLDS,
    aggregated_jaccard,
    average_precision,
    overlaps,
)


def row(*runs):
    """Labels in one row, from pairs (number, how many pixels)."""
    return np.repeat([n for n, _ in runs], [count for _, count in runs])[None]


def test_overlaps_are_pixels_shared_and_in_the_union():
    true, found = row((1, 4), (0, 2), (7, 4)), row((0, 1), (3, 4), (0, 1), (2, 4))
    shared, union = overlaps(true, found)
    assert shared.tolist() == [[0, 3], [4, 0]]
    assert union.tolist() == [[8, 5], [4, 8]]


def test_one_of_two_is_found_with_an_iou_of_three_fifths():
    # 1: IoU 3/5 with 3. 7: found wholly. At 0.5 and 0.55 both match, above 0.6 only 7 does.
    true, found = row((1, 4), (0, 2), (7, 4)), row((0, 1), (3, 4), (0, 1), (2, 4))
    expected = [1.0] * 2 + [1 / 3] * 8  # 1 TP, 1 FP, 1 FN
    assert average_precision(true, found) == expected
    assert THRESHOLDS[1] < 3 / 5 <= THRESHOLDS[2]
    # Shared 3 + 4, unions 5 + 4.
    assert aggregated_jaccard(true, found) == 7 / 9


def test_split_instances_and_false_ones_cost_precision():
    # One true instance of 8 in two halves (IoU 1/2 is not above 0.5), and one that is not there.
    true, found = row((1, 8), (0, 4)), row((1, 4), (2, 4), (0, 1), (3, 3))
    assert average_precision(true, found, [0.5]) == [0.0]
    assert aggregated_jaccard(true, found) == 4 / (8 + 4 + 3)


def test_joined_instances_count_for_one_of_them():
    # Two of 6 and 2 in one of 8: IoU 3/4 with the first, 1/4 with the second.
    true, found = row((1, 6), (2, 2)), row((1, 8))
    assert average_precision(true, found, [0.5, 0.7, 0.8]) == [1 / 2, 1 / 2, 0.0]
    # The second is paired with the same: shared 6 + 2, unions 8 + 8.
    assert aggregated_jaccard(true, found) == 8 / 16


def test_missed_instances_add_their_pixels_to_the_union():
    true, found = row((1, 5), (2, 3), (0, 2)), row((1, 5), (0, 5))
    assert average_precision(true, found, [0.5]) == [1 / 2]
    assert aggregated_jaccard(true, found) == 5 / 8


@pytest.mark.parametrize(
    ("true", "found", "ap", "aji"),
    [
        (row((0, 5)), row((0, 5)), 1, 1),
        (row((0, 5)), row((1, 2), (0, 3)), 0, 0),
        (row((4, 5)), row((0, 5)), 0, 0),
        (row((4, 5)), row((9, 5)), 1, 1),
    ],
)
def test_images_with_nothing_or_everything(true, found, ap, aji):
    assert average_precision(true, found) == [ap] * 10
    assert aggregated_jaccard(true, found) == aji
