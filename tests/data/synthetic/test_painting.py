"""How much of each pixel rendered text covers."""

import numpy as np
import pytest

from isotrope.data.synthetic.painting import coverage, hollow

skia = pytest.importorskip("skia")


def rectangle(left, top, right, bottom):
    path = skia.Path()
    path.addRect(skia.Rect(left, top, right, bottom))
    return path


def test_a_pixel_is_covered_in_part():
    text, around = coverage(rectangle(2, 3, 8.5, 7.25), rectangle(0, 9, 4, 9.5), (12, 10), 4.0)
    assert text.shape == (10, 12)
    assert text[3:7, 2:8].min() == 255
    assert text[4, 8] == pytest.approx(255 * 0.5, abs=4)
    assert text[7, 4] == pytest.approx(255 * 0.25, abs=4)
    assert text.sum() / 255 == pytest.approx(6.5 * 4.25, rel=0.01)
    assert around.sum() / 255 == pytest.approx(4 * 0.5, rel=0.02)


def test_text_and_what_is_around_it_may_share_a_pixel():
    masks = coverage(rectangle(1, 1, 2.5, 3), rectangle(2.5, 1, 4, 3), (5, 4), 2.0)
    assert np.abs(masks[:, 1, 2].astype(int) - 127).max() < 4
    assert masks.sum(axis=0, dtype=int).max() <= 256  # halves are rounded up


def test_outlines_of_letters_are_covered_in_part():
    ring = skia.Path()
    ring.addCircle(10, 10, 6)
    covered = hollow(ring, (20, 20), 1.5)
    assert covered.sum() / 255 == pytest.approx(2 * np.pi * 6 * 1.5, rel=0.05)
    assert len(np.unique(covered)) > 3
