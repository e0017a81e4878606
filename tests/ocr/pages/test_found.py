"""Lines found on slanted pages and sideways."""

import numpy as np
import pytest

from isotrope.io.resize import rotate
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import box
from isotrope.ocr.pages.found import find_lines, page_slant


def bar(x0, y0, x1, y1, confidence=1.0):
    """A line of text as the box that it fills; it runs along its longer side."""
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    if y1 - y0 > x1 - x0:
        corners = [(x0, y1), (x0, y0), (x1, y0), (x1, y1)]
    return DetectedLine((corners[3], corners[2]), tuple(corners), 1.0, confidence)


class Bars:
    """Finds dark bars by their boxes, and counts how often it was asked."""

    name = "bars"

    def __init__(self):
        self.pages = []

    def find(self, page):
        self.pages.append(page)
        dark = page[..., 0] < 128
        lines, rows = [], np.flatnonzero(dark.any(axis=1))
        for group in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            if len(group):
                columns = np.flatnonzero(dark[group].any(axis=0))
                lines.append(bar(columns[0], group[0], columns[-1] + 1, group[-1] + 1))
        return lines


def page_with(*boxes, size=(400, 300)):
    page = np.full((*size, 3), 255, np.uint8)
    for x0, y0, x1, y1 in boxes:
        page[y0:y1, x0:x1] = 0
    return page


def test_a_straight_page_is_seen_once():
    detector = Bars()
    found = find_lines(page_with((20, 30, 200, 40), (20, 60, 150, 70)), detector)
    assert [box(line.polygon) for line in found] == [(20, 30, 200, 40), (20, 60, 150, 70)]
    assert len(detector.pages) == 1


def test_a_steep_page_is_leveled_first_and_its_lines_lie_on_the_page():
    page = rotate(page_with((40, 190, 260, 200)), 20)
    (line,) = find_lines(page, Bars(), slant=20.0)
    (x0, y0), (x1, y1) = line.baseline
    assert np.degrees(np.arctan2(y0 - y1, x1 - x0)) == pytest.approx(20, abs=0.1)
    assert np.hypot(x1 - x0, y1 - y0) == pytest.approx(220, abs=3)
    center = np.mean(line.polygon, axis=0)
    dark = np.argwhere(page[..., 0] < 128).mean(axis=0)[::-1] + 0.5
    assert center == pytest.approx(dark, abs=1)


def test_lines_that_run_up_are_seen_again_turned():
    detector = Bars()
    found = find_lines(page_with((20, 10, 200, 20), (250, 60, 262, 350)), detector)
    assert len(detector.pages) == 2
    assert detector.pages[1].shape[1] > detector.pages[1].shape[0]
    assert sorted(box(line.polygon) for line in found) == [(20, 10, 200, 20), (250, 60, 262, 350)]
    (sideways,) = (line for line in found if box(line.polygon)[0] == 250)
    (_, y0), (_, y1) = sideways.baseline
    assert abs(y1 - y0) == 290


def test_an_equivariant_detector_sees_the_page_as_it_is():
    detector = Bars()
    detector.equivariant = True
    find_lines(page_with((20, 10, 200, 20)), detector, slant=20.0)
    assert len(detector.pages) == 1
    assert detector.pages[0].shape == (400, 300, 3)


def test_the_slant_of_a_page_is_the_median_over_its_letters():
    def line(length, degrees):
        end = length * np.cos(np.radians(degrees)), -length * np.sin(np.radians(degrees))
        return DetectedLine(((0.0, 0.0), end), ((0.0, 0.0),) * 4, 1.0)

    assert page_slant([line(100, 5), line(60, 3), line(20, -40)]) == pytest.approx(5)
    assert page_slant([line(100, 92), line(90, 2)]) == pytest.approx(2)
    assert page_slant([line(2, 30)]) == 0  # short lines do not show their direction
    assert page_slant([]) == 0
