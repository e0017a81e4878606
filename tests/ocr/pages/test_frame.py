"""Pages turned upright: the same pixels however they lie."""

import numpy as np
import pytest

from isotrope.io.resize import turn
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.pages.frame import first_turn, majority, upright

PAGES = [(7, 5), (6, 6), (5, 5), (1, 9), (2, 3)]


class Brightest:
    """A finder for which the top of a page is its brightest side, in turns of the page."""

    def find_pixels(self, images, batch_size=32):
        found = []
        for image in images:
            sides = image[0].mean(), image[:, 0].mean(), image[-1].mean(), image[:, -1].mean()
            best = int(np.argmax(sides))
            scores = [0.1] * 4
            scores[best] = 0.7
            found.append(Orientation(90 * best, 0.7, 0.0, tuple(scores)))
        return found


class Rounding(Brightest):
    """A finder that is not equivariant: it prefers the first turn of whatever it sees."""

    def find_pixels(self, images, batch_size=32):
        return [Orientation(0, 0.25, 0.0, (0.25,) * 4) for _ in images]


@pytest.mark.parametrize("size", PAGES)
@pytest.mark.parametrize("finder", [Brightest(), Rounding()])
def test_the_upright_page_is_the_same_at_every_turn(size, finder):
    page = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    first = upright(page, finder)
    for degrees in (0, 90, 180, 270):
        frame = upright(turn(page, degrees), finder)
        assert np.array_equal(frame.pixels, first.pixels)
        assert frame.degrees == (first.degrees + degrees) % 360
        assert np.array_equal(turn(frame.pixels, frame.degrees), turn(page, degrees))


def test_the_finder_decides_what_is_upright():
    page = np.zeros((6, 4, 3), np.uint8)
    page[:, 0] = 255
    assert upright(page, Brightest()).degrees == 90


def test_equal_turns_have_equal_pixels():
    page = np.zeros((6, 6, 3), np.uint8)
    page[2:4, 2:4] = 9
    assert first_turn(page) == 0
    half = np.zeros((4, 6, 3), np.uint8)
    half[0, 0] = half[-1, -1] = 5
    assert np.array_equal(turn(half, -first_turn(half)), turn(half, 180 - first_turn(half)))


def test_most_letters_decide_how_a_page_lies():
    assert majority([(0, 10), (90, 7), (90, 7)]) == 90
    assert majority([(180, 5), (0, 5)]) == 0
    assert majority([]) == 0
