"""Lines cut out of pages."""

import numpy as np
import pytest

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.pages.strips import Outline, cut

BOX = ((10.0, 20.0), (110.0, 20.0), (110.0, 44.0), (10.0, 44.0))


def line(polygon=BOX, baseline=((10.0, 38.0), (110.0, 38.0))):
    return DetectedLine(baseline, polygon, 24.0)


def test_an_outline_measures_its_line():
    outline = Outline.of(line())
    assert (outline.length, outline.height) == (100, 24)
    assert outline.baseline == ((10, 38), (110, 38))
    assert outline.part(0.25, 0.5) == ((35, 20), (60, 20), (60, 44), (35, 44))


def test_curves_with_different_numbers_of_points_share_their_stations():
    top = [(0.0, 10.0), (50.0, 0.0), (100.0, 10.0)]
    bottom = [(100.0, 30.0), (75.0, 22.0), (25.0, 22.0), (0.0, 30.0)]
    polygon = (*top, (100.0, 20.0), *bottom)
    outline = Outline.of(line(tuple(polygon)))
    assert len(outline.top) == len(outline.bottom) == len(outline.at)
    assert outline.at[0] == 0
    assert outline.at[-1] == 1


def test_a_flipped_outline_starts_at_the_other_end():
    flipped = Outline.of(line()).flipped()
    assert flipped.part(0, 0.25) == ((110, 44), (85, 44), (85, 20), (110, 20))
    assert flipped.baseline == ((110, 26), (10, 26))  # as far from its bottom as before


def test_margins_go_around_the_line():
    wide = Outline.of(line()).wider(2, 3, 5)
    assert wide.part(0, 1)[0] == (5, 18)
    assert wide.part(0, 1)[-1] == (5, 47)
    assert wide.length == 110


def pages():
    """The same marks on a level line, a slanted one, one that runs up, and a curved one."""
    yield "level", lambda s, n: (50 + s, 100 + n)
    yield "slanted", lambda s, n: (50 + 0.8 * s - 0.6 * n, 40 + 0.6 * s + 0.8 * n)
    yield "up", lambda s, n: (60 + n, 290 - s)
    yield "curved", lambda s, n: (50 + s, 100 + n + 20 * np.sin(s / 60))


@pytest.mark.parametrize(("kind", "where"), [*pages()], ids=[kind for kind, _ in pages()])
def test_a_strip_is_upright_whatever_the_run_of_the_line(kind, where):
    page = np.full((320, 320, 3), 255, np.uint8)
    for s in np.arange(90, 110, 0.25):  # a mark from 90 to 110 of 200, in the upper half
        for n in np.arange(2, 12, 0.25):
            x, y = where(s, n)
            page[int(y), int(x)] = 0
    along = np.linspace(0, 200, 9)
    top, bottom = ([where(s, n) for s in along] for n in (0, 24))
    outline = Outline.of(line((*top, *bottom[::-1]), (bottom[0], bottom[-1])))
    strip = cut(page, outline, margins=(0, 0, 0))
    height, width = strip.pixels.shape[:2]
    assert height == 48
    assert width == pytest.approx(400, abs=15)
    dark = np.argwhere(strip.pixels[..., 0] < 128)
    (y0, x0), (y1, x1) = dark.min(axis=0) / (height, width), dark.max(axis=0) / (height, width)
    assert (x0, x1) == (pytest.approx(0.45, abs=0.02), pytest.approx(0.55, abs=0.02))
    assert (y0, y1) == (pytest.approx(2 / 24, abs=0.06), pytest.approx(0.5, abs=0.06))
    flipped = strip.flipped()
    assert np.array_equal(flipped.pixels, strip.pixels[::-1, ::-1])
    assert flipped.outline.part(0, 1)[0] == pytest.approx(bottom[-1])


def test_places_in_a_strip_lie_along_the_line():
    strip = cut(np.zeros((60, 120, 3), np.uint8), Outline.of(line()), margins=(0, 0, 0.5))
    assert strip.margin == pytest.approx(12 / 124)
    assert strip.along(strip.margin) == 0
    assert strip.along(0.5) == pytest.approx(0.5)
    assert strip.along(1.0) == 1


@pytest.mark.parametrize("shift", [(-60, -30), (70, 40), (500, 0), (0, 500)])
def test_what_lies_beyond_the_page_is_paper(shift):
    page = np.zeros((60, 120, 3), np.uint8)
    moved = tuple((x + shift[0], y + shift[1]) for x, y in BOX)
    strip = cut(page, Outline.of(line(moved, moved[2:])), paper=(9, 8, 7))
    assert {tuple(color) for color in strip.pixels.reshape(-1, 3).tolist()} & {(9, 8, 7)}


def test_large_letters_are_sampled_coarsely():
    tall = ((0.0, 0.0), (900.0, 0.0), (900.0, 600.0), (0.0, 600.0))
    strip = cut(np.zeros((600, 900, 3), np.uint8), Outline.of(line(tall)), margins=(0, 0, 0))
    assert strip.pixels.shape[:2] == (192, 288)
