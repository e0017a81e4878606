"""Which lines of a page are looked at to choose an adapter."""

import numpy as np

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.pages.strips import Outline, cut
from isotrope.ocr.pages.telling import LINES, telling

PAGE = np.random.default_rng(0).integers(0, 256, (2000, 1000, 3), np.uint8)


def strip(top, width, height=20):
    polygon = ((10, top), (10 + width, top), (10 + width, top + height), (10, top + height))
    line = DetectedLine(((10, top + height), (10 + width, top + height)), polygon, height)
    return cut(PAGE, Outline.of(line))


def places(chosen, strips):
    return [n for each in chosen for n, s in enumerate(strips) if np.array_equal(s.pixels, each)]


def test_they_are_of_usual_length_and_spread_over_the_page():
    strips = [strip(30 * n, 500 if n % 3 else 900) for n in range(60)]
    found = places(telling(strips), strips)
    assert len(found) == LINES
    assert all(n % 3 for n in found)
    assert [n // 10 for n in found] == list(range(6))
    shuffled = [strips[n] for n in np.random.default_rng(1).permutation(60)]
    for ours, theirs in zip(telling(strips), telling(shuffled), strict=True):
        assert ours.shape == theirs.shape


def test_short_lines_say_little():
    strips = [strip(30 * n, 30) for n in range(9)] + [strip(600, 300)]
    assert places(telling(strips), strips) == [9]


def test_few_lines_are_all_looked_at():
    strips = [strip(30 * n, 30) for n in range(3)]
    assert places(telling(strips), strips) == [0, 1, 2]
    assert telling([]) == []
