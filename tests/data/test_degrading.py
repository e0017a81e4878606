"""Degradations: shapes, types, reproducibility, and the guard of a least contrast."""

import numpy as np
import pytest

from isotrope.data.degrading import degrade, legible


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (24, 60, 3), np.uint8)


@pytest.mark.parametrize("difficulty", [0.1, 1.0, 5.0])
def test_a_degraded_image_is_a_new_writable_one_of_the_same_shape(image, difficulty):
    before = image.copy()
    for seed in range(30):
        degraded = degrade(image, np.random.default_rng(seed), difficulty)
        assert degraded.shape == image.shape
        assert degraded.dtype == np.uint8
        assert degraded.flags.writeable
        assert not np.shares_memory(degraded, image)
        assert np.array_equal(degraded, degrade(image, np.random.default_rng(seed), difficulty))
    assert np.array_equal(image, before)


def test_an_image_of_enough_contrast_stays_as_it_is(image):
    assert legible(image) is image
    ramp = np.repeat(np.linspace(100, 130, 31).astype(np.uint8)[None, :, None], 3, axis=2)
    assert legible(ramp) is ramp


@pytest.mark.parametrize(("least", "greatest"), [(0, 29), (226, 255), (100, 101), (14, 20)])
def test_faint_greys_are_stretched_to_60_in_their_order(least, greatest):
    ramp = np.arange(least, greatest + 1, dtype=np.uint8)
    stretched = legible(np.repeat(ramp[None, :, None], 3, axis=2))
    assert stretched.shape == (1, len(ramp), 3)
    assert stretched.dtype == np.uint8
    assert stretched.flags.writeable
    assert np.ptp(stretched) == 60
    assert (np.diff(stretched[0, :, 0].astype(int)) > 0).all()


def test_faint_colours_are_judged_by_their_luminance():
    colours = np.array([[[200, 30, 30], [210, 40, 40]]], np.uint8)
    assert np.ptp(legible(colours)) == 60
    yellow_on_pink = np.array([[[238, 0, 184], [247, 190, 9]]], np.uint8)  # means 8 apart
    assert legible(yellow_on_pink) is yellow_on_pink


def test_an_image_of_one_colour_stays_as_it_is():
    blank = np.full((4, 4, 3), 77, np.uint8)
    assert legible(blank) is blank
