import numpy as np
import pytest
import shapely

from isotrope.ocr.detection.curves import Curve, sampled, simplified

BENT = Curve(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]))


def test_places_along_a_curve():
    assert BENT.length == 7
    assert BENT.lengths.tolist() == [0, 3, 7]
    assert BENT.at(np.array([-1.0, 1.0, 5.0, 8.0])).tolist() == [[-1, 0], [1, 0], [3, 2], [3, 5]]
    assert BENT.part(1, 5).points.tolist() == [[1, 0], [3, 0], [3, 2]]
    assert BENT.extended(2).points.tolist() == [[-2, 0], [3, 0], [3, 6]]


def test_normals_point_below_the_letters_and_keep_the_distance():
    moved = BENT.points + BENT.normals()
    np.testing.assert_allclose(moved, [[0, 1], [2, 1], [2, 4]])  # both segments moved by 1


def test_an_arc_keeps_as_many_points_as_it_needs():
    x = np.linspace(-1, 1, 41)
    arc = Curve(np.stack([10 * x, x * x], 1))
    few = arc.simplified(0.1)
    assert len(few.points) == 5
    between = np.interp(few.points[:, 0], arc.points[:, 0], arc.points[:, 1])
    np.testing.assert_allclose(few.points[:, 1], between, atol=1e-9)
    straight = Curve(np.stack([x, 0 * x], 1)).simplified(0.01)
    np.testing.assert_allclose(straight.points, [[-1, 0], [1, 0]])


def test_ends_move_to_the_crossing():
    line = Curve(np.array([[10.0, 0.0], [20.0, 0.0]]))
    found = line.until(lambda p: np.minimum(p[:, 0] - 9.3, 20.6 - p[:, 0]))
    np.testing.assert_allclose(found.points, [[9.3, 0], [20.6, 0]], atol=1e-9)
    kept = line.until(lambda p: np.ones(len(p)))
    np.testing.assert_allclose(kept.points, line.points)


def test_maps_between_their_positions():
    values = np.array([[0.0, 2.0], [4.0, 6.0]])
    points = np.array([[0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [-3.0, 9.0]])
    assert sampled(values, points).tolist() == [0, 1, 3, 4]
    assert sampled(np.array([[5.0]]), points).tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_maps_of_one_row(shape):
    values = np.arange(3.0).reshape(shape)
    middle = np.array([[shape[1] / 2, shape[0] / 2]])
    assert sampled(values, middle).tolist() == [1]


@pytest.mark.parametrize("tolerance", [0.0, 0.3, 2.0, 50.0])
def test_simplified_as_by_shapely(tolerance):
    rng = np.random.default_rng(0)
    for count in (2, 3, 7, 60):
        points = np.stack([np.arange(count) * 10.0, rng.normal(size=count).cumsum()], axis=1)
        expected = shapely.LineString(points).simplify(tolerance)
        found = simplified(points, tolerance)
        assert np.array_equal(found, shapely.get_coordinates(expected))


def test_a_loop_is_simplified_to_its_corners():
    points = np.array([[0.0, 0], [5, 0], [10, 0], [10, 10], [0, 10], [0, 0]])
    assert simplified(points, 0.1).tolist() == points[[0, 2, 3, 4, 5]].tolist()
