"""Lines from maps that the tests draw: the middle line of each core is known."""

import math

import numpy as np
import pytest
import shapely

from isotrope.ocr.detection.db.tracing import find_cores, find_lines

SIZE = 400, 300
"""Width and height of the maps, px."""


def drawn(*curves, thickness=8.0, size=SIZE):
    """A map of lines around curves, `(n, 2)` points each, with soft edges."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    pixels = shapely.points(x, y)
    values = np.zeros(x.shape, np.float32)
    for curve in curves:
        away = shapely.distance(
            shapely.LineString(curve).buffer(thickness / 2, cap_style="flat"), pixels
        )
        values = np.maximum(values, np.clip(1 - away, 0, 1).astype(np.float32))
    return values


def straight(degrees, length=240.0, center=(200.0, 150.0)):
    """A segment turned counter-clockwise by some degrees."""
    step = (
        length / 2 * np.array([math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))])
    )
    return np.array([center - step, center + step])


@pytest.mark.parametrize("degrees", [0, 3, 10, 30, 60, 89, 90, -3, -10, -30, -60, -89])
def test_the_middle_line_of_a_straight_line(degrees):
    curve = straight(degrees)
    (core,) = find_cores(drawn(curve), SIZE)
    far = shapely.distance(shapely.LineString(curve), shapely.points(core.middle[1:-1]))
    assert far.max() < 0.2
    assert np.abs(core.middle[[0, -1]] - curve).max() < 1.5
    assert core.thickness == pytest.approx(9, abs=1)


def test_the_middle_line_of_a_curve():
    angle = np.linspace(math.radians(235), math.radians(305), 60)
    curve = np.stack([200 + 200 * np.cos(angle), 330 + 200 * np.sin(angle)], 1)
    (core,) = find_cores(drawn(curve), SIZE)
    far = shapely.distance(shapely.LineString(curve), shapely.points(core.middle))
    assert far[2:-2].max() < 1
    assert far.max() < 4
    (line,) = find_lines(drawn(curve), SIZE)
    outline = shapely.Polygon(line.polygon)
    assert outline.is_valid
    assert outline.contains(shapely.LineString(curve))


@pytest.mark.parametrize("degrees", [0, 3, 30, 90])
def test_the_polygon_runs_along_the_top_and_back_below(degrees):
    (line,) = find_lines(drawn(straight(degrees)), SIZE)
    assert len(line.baseline) == 2
    assert len(line.polygon) == 4
    (start, stop), (a, b, c, d) = np.array(line.baseline), np.array(line.polygon)
    along = (stop - start) / np.linalg.norm(stop - start)
    below = np.array([-along[1], along[0]])
    assert (b - a) @ along > 240
    assert (d - a) @ below == pytest.approx(line.height, abs=0.1)
    assert 0 < (start - a) @ below < line.height
    assert (c - d) @ along == pytest.approx((b - a) @ along, abs=0.1)


def test_maps_may_be_smaller_than_pages():
    curve = straight(5)
    (line,), (large,) = (find_lines(drawn(curve), size) for size in (SIZE, (800, 600)))
    np.testing.assert_allclose(np.array(large.polygon), 2 * np.array(line.polygon), atol=0.1)
    assert large.height == pytest.approx(2 * line.height)


def test_a_map_without_text_has_no_lines():
    assert find_lines(np.zeros((32, 32), np.float32), (1, 1)) == []
    assert find_lines(np.full((64, 64), 0.2, np.float32), (64, 64)) == []
