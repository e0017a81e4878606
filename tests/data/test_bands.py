"""Bands: what the outlines of a line agree on."""

import numpy as np
import pytest
import shapely

from isotrope.data.bands import Band, band_of
from isotrope.data.page_labels import PageLine


def line(polygon, baseline):
    return PageLine(np.array(baseline, float), np.array(polygon, float), 10.0)


def overlap(one, other):
    first, second = shapely.Polygon(one), shapely.Polygon(other)
    return first.intersection(second).area / first.union(second).area


@pytest.mark.parametrize("degrees", [0, 12, 90, -135])
def test_the_band_of_a_box_is_the_box(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    box = np.array([[0, 0], [100, 0], [100, 20], [0, 20.0]]) @ turn.T
    band = band_of(line(box, np.array([[3, 15], [98, 15.0]]) @ turn.T))
    assert band.height == pytest.approx(20)
    assert overlap(band.polygon(), box) > 0.999
    np.testing.assert_allclose(band.axis @ turn, [[0, 10], [100, 10]], atol=1e-9)


def test_one_tall_letter_does_not_make_a_line_taller():
    outline = [(0, 0), (50, 0), (50, -30), (56, -30), (56, 0), (100, 0), (100, 20), (0, 20)]
    band = band_of(line(outline, [(0, 15), (100, 15)]))
    assert band.height == pytest.approx(20)
    np.testing.assert_allclose(band.axis[:, 1], 10)


def test_a_curved_line_has_a_curved_band():
    x = np.linspace(0, 200, 21)
    y = 0.001 * (x - 100) ** 2
    outline = np.concatenate([np.stack([x, y], 1), np.stack([x, y + 16], 1)[::-1]])
    band = band_of(line(outline, np.stack([x, y + 12], 1)))
    assert overlap(band.polygon(), outline) > 0.97


@pytest.mark.parametrize(
    ("outline", "baseline"),
    [
        ([(0, 0), (100, 0), (50, 0)], [(0, 0), (100, 0)]),
        ([(0, 50), (100, 50), (100, 70)], [(200, 10), (300, 10)]),
        ([(0, 0), (100, 0), (100, 20)], [(5, 5), (5, 5)]),
    ],
)
def test_an_outline_without_area_or_far_from_its_baseline_has_no_band(outline, baseline):
    assert band_of(line(outline, baseline)) is None


def test_a_band_is_shortened_at_both_ends():
    band = Band(np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 40.0]]), 8.0)
    assert band.length == 70
    np.testing.assert_allclose(band.shortened(10).axis, [[10, 0], [30, 0], [30, 30]])
    assert band.shortened(35) is None
    first, last = band.ends(10)
    np.testing.assert_allclose(first.axis, [[0, 0], [10, 0]])
    np.testing.assert_allclose(last.axis, [[30, 30], [30, 40]])


def test_a_band_moves_with_its_page():
    moved = Band(np.array([[0.0, 0.0], [30.0, 0.0]]), 8.0).moved(
        np.array([[0, 2, 1], [-2, 0, 5.0]])
    )
    np.testing.assert_allclose(moved.axis, [[1, 5], [1, -55]])
    assert moved.height == pytest.approx(16)
