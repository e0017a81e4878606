"""Lines found across a gutter are cut in the white space; other lines are left alone."""

import random

import numpy as np
import pytest

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.order import parted
from isotrope.ocr.order.cutting import cut

HEIGHT = 20


def printed(columns, rows, seed=0):
    """A page whose columns, `(left, right)`, are full of words with spaces at random."""
    chance = random.Random(seed)
    pixels = np.full((60 + 30 * rows, 1000, 3), 230, np.uint8)
    for row in range(rows):
        for left, right in columns:
            x = left
            while x < right:
                end = min(right, x + chance.randint(20, 90))
                pixels[34 + 30 * row : 46 + 30 * row, x:end] = 30
                x = end + 8
    return pixels


def line(row, left, right):
    top, bottom = 30.0 + 30 * row, 50.0 + 30 * row
    return DetectedLine(
        ((left, bottom - 5), (right, bottom - 5)),
        ((left, top), (right, top), (right, bottom), (left, bottom)),
        HEIGHT,
    )


def spans(lines):
    """The left and right ends of the lines of each row."""
    rows = {}
    for found in lines:
        rows.setdefault(found.polygon[0][1], []).append((found.polygon[0][0], found.polygon[1][0]))
    return [sorted(row) for _, row in sorted(rows.items())]


def test_lines_across_a_gutter_are_cut_in_its_middle():
    pixels = printed([(100, 480), (500, 900)], 20)
    lines = []
    for row in range(20):
        if row % 3:
            lines += [line(row, 100.0, 480.0), line(row, 500.0, 900.0)]
        else:
            lines.append(line(row, 100.0, 900.0))
    found = parted(lines, pixels)
    assert len(found) == 40
    for (left, middle), (again, right) in spans(found):
        assert (left, right) == (100, 900)
        assert 480 <= middle <= again <= 500


def test_all_lines_may_be_across_and_there_may_be_two_gutters():
    pixels = printed([(40, 320), (340, 640), (660, 960)], 12)
    found = parted([line(row, 40.0, 960.0) for row in range(12)], pixels)
    for first, second, third in spans(found):
        assert 320 <= first[1] == second[0] <= 340
        assert 640 <= second[1] == third[0] <= 660


@pytest.mark.parametrize("seed", range(5))
def test_spaces_between_words_are_no_gutters(seed):
    pixels = printed([(100, 900)], 40, seed)
    lines = [line(row, 100.0, 900.0) for row in range(40)]
    assert parted(lines, pixels) == lines


def test_a_footer_below_a_gutter_is_not_cut():
    pixels = printed([(100, 480), (500, 900)], 20)
    columns = [line(row, *x) for row in range(19) for x in ((100.0, 480.0), (500.0, 900.0))]
    footer = line(19, 100.0, 900.0)
    assert parted([*columns, footer], pixels) == [*columns, footer]


def test_few_lines_or_a_blank_page_are_left_alone():
    blank = np.full((400, 1000, 3), 255, np.uint8)
    lines = [line(row, 100.0, 900.0) for row in range(10)]
    assert parted(lines, blank) == lines
    assert parted([], blank) == []


def test_the_parts_of_a_line_keep_its_direction():
    backwards = DetectedLine(
        ((900.0, 35.0), (100.0, 35.0)),
        ((900.0, 50.0), (100.0, 50.0), (100.0, 30.0), (900.0, 30.0)),
        HEIGHT,
    )
    right, left = cut(backwards, [500.0], 0.0)
    assert right.baseline == ((900, 35), (500, 35))
    assert right.polygon == ((900, 50), (500, 50), (500, 30), (900, 30))
    assert left.baseline == ((500, 35), (100, 35))
    assert left.polygon == ((500, 50), (100, 50), (100, 30), (500, 30))


def test_a_curved_line_is_cut_on_its_course():
    curved = DetectedLine(
        ((0.0, 40.0), (100.0, 50.0), (200.0, 40.0)),
        ((0.0, 20.0), (100.0, 30.0), (200.0, 20.0), (200.0, 44.0), (100.0, 54.0), (0.0, 44.0)),
        HEIGHT,
    )
    left, right = cut(curved, [50.0], 0.0)
    assert left.baseline == ((0, 40), (50, 45))
    assert left.polygon == ((0, 20), (50, 25), (50, 49), (0, 44))
    assert right.baseline == ((50, 45), (100, 50), (200, 40))
    assert right.polygon == ((50, 25), (100, 30), (200, 20), (200, 44), (100, 54), (50, 49))
