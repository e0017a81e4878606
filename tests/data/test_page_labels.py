"""Lines move with the image they are on."""

import numpy as np
import pytest

from isotrope.data.page_labels import LabeledPage, PageLine, visible, within

LINE = PageLine(
    np.array([[10.0, 30.0], [50.0, 30.0]]),
    np.array([[10.0, 20.0], [50.0, 20.0], [50.0, 34.0], [10.0, 34.0]]),
    14.0,
    "text",
)


def turn(points, degrees):
    angle = np.radians(degrees)
    matrix = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return points @ np.array(matrix)  # counter-clockwise with y down


@pytest.mark.parametrize("degrees", [0, 7, 90, -120, 180])
def test_direction_and_height_of_a_turned_line(degrees):
    line = LINE.moved(lambda points: 2 * turn(points, degrees))
    off = (line.direction - degrees + 180) % 360 - 180
    assert abs(off) < 1e-9
    assert line.height == pytest.approx(28)
    assert line.text == "text"


def test_a_shear_along_the_line_keeps_its_height():
    line = LINE.moved(lambda points: points + np.stack([0.5 * points[:, 1], 0 * points[:, 1]], 1))
    assert line.height == pytest.approx(14)


def test_a_page_moves_with_its_lines():
    page = LabeledPage(np.zeros((60, 80, 3), np.uint8), (LINE,), (LINE.polygon,))
    moved = page.moved(np.zeros((120, 160, 3), np.uint8), lambda points: 2 * points)
    assert moved.size == (160, 120)
    np.testing.assert_array_equal(moved.lines[0].polygon, 2 * LINE.polygon)
    np.testing.assert_array_equal(moved.ignored[0], 2 * LINE.polygon)


def shifted(right):
    return lambda points: points + np.array([right, 0.0])


def test_lines_cut_by_the_edge_are_ignored():
    right = LINE.moved(shifted(60))
    outside = LINE.moved(shifted(200))
    barely = LINE.moved(shifted(31))
    pixels = np.zeros((60, 80, 3), np.uint8)
    page = within(LabeledPage(pixels, (LINE, right, outside, barely), (LINE.polygon,)))
    assert [line.baseline[-1][0] for line in page.lines] == [50, 80]
    assert page.lines[1].polygon[:, 0].max() == 80
    assert len(page.ignored) == 2
    np.testing.assert_array_equal(page.ignored[1].max(axis=0), [80, 34])


def test_lines_that_cannot_be_seen_are_ignored():
    pixels = np.full((60, 80, 3), 200, np.uint8)
    pixels[24:30, 12:48:6] = 100  # letters of the first line
    faint = LINE.moved(lambda points: points + np.array([20.0, 24.0]))
    pixels[50:54, 34:60:6] = 190
    page = visible(LabeledPage(pixels, (LINE, faint)))
    assert page.lines == (LINE,)
    np.testing.assert_array_equal(page.ignored, [faint.polygon])
