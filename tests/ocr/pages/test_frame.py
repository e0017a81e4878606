"""Pages turned upright: the same pixels however they lie."""

import numpy as np
import pytest

from isotrope.io.resize import turn
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.pages.frame import first_turns, majority, turn_scores, upright

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
    assert first_turns(page) == (0, 90, 180, 270)
    half = np.zeros((4, 6, 3), np.uint8)
    half[0, 0] = half[-1, -1] = 5
    first, second = first_turns(half)
    assert second - first == 180
    assert np.array_equal(turn(half, -first), turn(half, -second))


class Unequal(Brightest):
    """A finder whose scores are all different, whatever it sees."""

    def find_pixels(self, images, batch_size=32):
        return [Orientation(0, 0.4, 0.0, (0.4, 0.3, 0.2, 0.1)) for _ in images]


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_turn_permutes_the_scores_exactly(symmetric):
    page = np.random.default_rng(1).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    if symmetric:  # the finder's own scores are not
        page[2:] = page[1::-1, ::-1]
    first = upright(page, Unequal()).scores
    assert turn_scores(page, Unequal()) == first
    assert sum(first) == pytest.approx(1)
    assert (len(set(first)) == 2) == symmetric
    for quarter in (1, 2, 3):
        turned = upright(turn(page, 90 * quarter), Unequal()).scores
        assert turned == first[-quarter:] + first[:-quarter]


def test_the_scores_say_how_the_page_lies():
    page = np.zeros((6, 4, 3), np.uint8)
    page[:, 0] = 255
    assert upright(page, Brightest()).scores == (0.1, 0.7, 0.1, 0.1)


def test_most_letters_decide_how_a_page_lies():
    assert majority([(0, 10), (90, 7), (90, 7)]) == 90
    assert majority([(180, 5), (0, 5)]) == 0
    assert majority([]) == 0
