"""Which way lines face."""

import numpy as np
import pytest

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.pages.facing import neighbors, votes
from isotrope.ocr.pages.strips import Outline


def outline(x, y, width=100, height=10, flipped=False):
    box = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    line = Outline.of(DetectedLine((box[3], box[2]), box, height))
    return line.flipped() if flipped else line


class Said:
    """A finder that says of each image what the image's first pixel holds, in percent."""

    def find_pixels(self, images, batch_size=32):
        up = [float(image[0, 0, 0]) / 100 for image in images]
        return [Orientation(0, p, 0.0, (p, 0.0, 1 - p, 0.0)) for p in up]


def strip(percent):
    return np.full((10, 100, 3), percent, np.uint8)


def test_neighbors_are_near_alike_and_run_the_same_way():
    lines = [
        outline(0, 0),
        outline(0, 15),  # the next line
        outline(110, 0),  # the same line, after a gap
        outline(0, 100),  # far below
        outline(0, 15, height=40),  # much larger
        outline(0, 15, flipped=True),  # runs the other way
        outline(0, 15).__class__.of(
            DetectedLine(((10, 90), (10, 0)), ((0, 90), (0, 0), (12, 0), (12, 90)), 12)
        ),  # runs up
    ]
    assert np.flatnonzero(neighbors(lines)[0]).tolist() == [1, 2]


def test_a_short_line_follows_its_neighbors():
    lines = [outline(0, 15 * number) for number in range(3)]
    alone = votes([strip(40)], lines[:1], Said())
    among = votes([strip(99), strip(40), strip(99)], lines, Said())
    assert alone[0] < 0 < among[1]


def test_one_sure_line_does_not_turn_its_block():
    lines = [outline(0, 15 * number) for number in range(4)]
    odds = votes([strip(95), strip(0), strip(95), strip(95)], lines, Said())
    assert (odds[[0, 2, 3]] > 0).all()


def test_no_lines_have_no_votes():
    assert votes([], [], Said()).shape == (0,)


@pytest.mark.parametrize("width", [100, 1000])
def test_the_finder_sees_the_middle_of_a_long_line(width):
    seen = []

    class Seen(Said):
        def find_pixels(self, images, batch_size=32):
            seen.extend(image.shape for image in images)
            return super().find_pixels(images)

    votes([np.zeros((10, width, 3), np.uint8)], [outline(0, 0)], Seen())
    assert seen == [(10, 100, 3)]
