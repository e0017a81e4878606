"""The views that are read: leveled by what the finder says, more than once."""

import numpy as np
import pytest

from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.views import LOOKS, SMALL_SLANT, upright_views


class Scripted:
    """A finder that says one slant after the other, and is always sure that an image is upright."""

    def __init__(self, *slants: float) -> None:
        self.slants, self.asked = list(slants), 0

    def find_pixels(self, images, batch_size=32):
        slant = self.slants[min(self.asked, len(self.slants) - 1)]
        self.asked += 1
        return [Orientation(0, 1.0, slant, (1.0, 0.0, 0.0, 0.0)) for _ in images]


def word() -> np.ndarray:
    pixels = np.full((60, 120, 3), 255, np.uint8)
    pixels[20:40, 20:100:8] = 0
    return pixels


def test_a_strong_slant_is_mended_at_each_look():
    finder = Scripted(30.0, 6.0, -2.0, 0.0)
    ((view,),) = upright_views(finder, [word()], 1)
    assert view.slant == pytest.approx(34.0)
    assert finder.asked == 1 + LOOKS + 1


def test_a_small_slant_is_asked_about_once_and_read_both_ways():
    finder = Scripted(SMALL_SLANT - 1, 0.0)
    as_it_is, leveled = upright_views(finder, [np.repeat(word(), 2, axis=1)], 1)[0]
    assert (as_it_is.slant, leveled.slant) == (SMALL_SLANT - 1, SMALL_SLANT - 1)
    assert finder.asked == 2
    assert not np.array_equal(as_it_is.pixels, leveled.pixels)


def test_an_image_that_is_level_is_its_own_view():
    pixels = word()
    ((view,),) = upright_views(Scripted(0.3), [pixels], 1)
    assert np.array_equal(view.pixels, pixels)


def test_an_image_whose_slant_turns_out_to_be_none_is_read_as_it_is():
    pixels = np.repeat(word(), 2, axis=1)
    ((view,),) = upright_views(Scripted(SMALL_SLANT, 1 - SMALL_SLANT, -0.9), [pixels], 1)
    assert np.array_equal(view.pixels, pixels)
    assert view.slant == pytest.approx(1)
