"""The maps that a detector should give."""

import numpy as np
import pytest

pytest.importorskip("skia", reason="targets are drawn with skia-python")

from isotrope.data.bands import Band
from isotrope.training.detection_targets import CoreShape, draw_targets

SHAPE = CoreShape(share=0.4, gap=0.3, end=0.6)


def band(*axis, height=20.0):
    return Band(np.array(axis, float), height)


def test_the_core_is_a_part_of_the_line():
    core = draw_targets([band((20, 32), (108, 32))], (64, 128), 1, SHAPE).core
    rows, columns = np.nonzero(core > 0.5)
    assert (rows.min(), rows.max()) == (28, 35)  # 8 px around y = 32
    assert (columns.min(), columns.max()) == (26, 101)  # 6 px from both ends
    assert core.sum() == pytest.approx(8 * 76, rel=0.01)


@pytest.mark.parametrize("scale", [1, 4])
def test_coverage_is_that_of_the_scaled_map(scale):
    core = draw_targets([band((20, 30), (100, 50))], (64, 128), scale, SHAPE).core
    assert core.shape == (64 // scale, 128 // scale)
    assert core.sum() * scale**2 == pytest.approx(8 * (np.hypot(80, 20) - 12), rel=0.1)


def test_lines_that_follow_each_other_stay_apart():
    bands = [band((10, 20), (60, 20)), band((62, 20), (110, 20))]
    core = draw_targets(bands, (40, 128), 4, SHAPE).core
    assert core[5, 14:16].min() == 0
    assert core[5, 8] > 0.5
    assert core[5, 20] > 0.5


def test_ends_arrows_and_heights():
    targets = draw_targets([band((100, 32), (20, 32))], (64, 128), 4, SHAPE)
    inside = targets.height > 0
    assert inside.sum() == pytest.approx(2 * 17, abs=2)
    np.testing.assert_allclose(targets.height[inside], np.log(20), rtol=1e-6)
    np.testing.assert_allclose(targets.arrow[:, inside].T, [[-1, 0]] * inside.sum(), atol=1e-6)
    assert not targets.arrow[:, ~inside].any()
    assert targets.end[8, 5:8].min() > 0.9
    assert targets.end[8, 22:25].min() > 0.9
    assert targets.end[8, 9:21].max() == 0


def test_a_curve_has_the_arrow_of_its_part():
    targets = draw_targets([band((10, 100), (60, 100), (60, 20))], (128, 128), 4, SHAPE)
    np.testing.assert_allclose(targets.arrow[:, 25, 8], [1, 0], atol=1e-6)
    np.testing.assert_allclose(targets.arrow[:, 12, 15], [0, -1], atol=1e-6)


def test_a_letter_has_a_core():
    assert draw_targets([band((20, 32), (30, 32))], (64, 64), 4, SHAPE).core.max() > 0.4


def test_nothing_is_known_where_text_is_ignored():
    corner = np.array([[0, 0], [32, 0], [32, 64], [0, 64]])
    known = draw_targets([], (64, 128), 4, SHAPE, [corner]).known
    assert not known[:, :8].any()
    assert known[:, 8:].all()


def test_maps_may_be_left_out():
    targets = draw_targets([band((20, 32), (108, 32))], (64, 128), 1, SHAPE, cores_only=True)
    assert targets.end is targets.arrow is targets.height is None
