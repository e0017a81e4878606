"""Pages rotated by any angle."""

import numpy as np
import pytest

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.pages import level
from isotrope.ocr.pages.level import Leveled, moved, paper


@pytest.mark.parametrize("slant", [-30.0, -3.0, 10.0, 44.0])
def test_points_of_a_leveled_page_map_back_to_the_page(slant):
    page = np.full((200, 301, 3), 255, np.uint8)
    page[60:64, 200:204] = 0
    leveled = Leveled.of(page, slant)
    dark = leveled.pixels[..., 0] < 128
    y, x = (np.mean(places) + 0.5 for places in np.nonzero(dark))
    ((back_x, back_y),) = leveled.back([(x, y)])
    assert (back_x, back_y) == (pytest.approx(202, abs=0.3), pytest.approx(62, abs=0.3))


def test_a_line_that_rises_by_the_slant_is_level():
    page = np.full((300, 300, 3), 255, np.uint8)
    for x in range(50, 250):  # rises to the right by 10 degrees
        y = round(180 - np.tan(np.radians(10)) * (x - 50))
        page[y - 1 : y + 2, x] = 0
    dark = Leveled.of(page, 10.0).pixels[..., 0] < 128
    assert np.ptp(np.nonzero(dark)[0]) < 6


def test_lines_move_with_their_points():
    line = DetectedLine(((0, 0), (1, 0)), ((0, 0), (1, 0), (1, 1), (0, 1)), 1.0)
    (there,) = moved([line], lambda points: tuple((x + 2, y) for x, y in points))
    assert there.baseline == ((2, 0), (3, 0))
    assert there.polygon[2] == (3, 1)


def test_paper_is_the_color_of_most_of_the_page():
    page = np.full((2000, 1000, 3), (250, 240, 230), np.uint8)
    page[::3] = 0
    assert paper(page) == (250, 240, 230)


@pytest.mark.parametrize("slant", [-40.0, -3.0, 12.0])
def test_a_page_is_leveled_in_bands(slant, monkeypatch):
    """A large page, which would take too much memory at once."""
    page = np.random.default_rng(0).integers(0, 256, (300, 201, 3), np.uint8)
    whole = Leveled.of(page, slant)
    monkeypatch.setattr(level, "_BAND", 3000)
    assert np.array_equal(Leveled.of(page, slant).pixels, whole.pixels)
