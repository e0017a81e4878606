"""Strips read by engines with limits."""

import numpy as np
import pytest

from isotrope.io.errors import ImageError
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.pages.reading import joined, read_strips


class Short:
    """An engine that takes lines of up to a length in heights, and reads their widths."""

    name = "short"

    def __init__(self, longest):
        self.longest = longest

    def check(self, pixels):
        if pixels.shape[1] > self.longest * pixels.shape[0]:
            raise ImageError("too long")

    def read(self, lines, batch_size=32):
        for line in lines:
            self.check(line)
        return [Transcript(str(line.shape[1]), 0.5) for line in lines]


def strip(width):
    return np.zeros((10, width, 3), np.uint8)


def test_long_strips_are_cut_for_an_engine_that_rejects_them():
    whole, cut = read_strips(Short(25), [strip(240), strip(500)])
    assert whole.text == "240"
    widths = list(map(int, cut.text.split()))
    assert sum(widths) == 500
    assert len(widths) > 2
    assert max(widths) <= 200


def test_what_cannot_be_cut_so_short_is_empty():
    assert read_strips(Short(2), [strip(100)]) == [Transcript("", 0.0)]


def test_an_engine_without_limits_gets_the_strips():
    seen = []

    class Free:
        name = "free"

        def read(self, lines, batch_size=32):
            seen.extend(lines)
            return [Transcript("a", 1.0)] * len(lines)

    strips = [strip(5000), strip(10)]
    read_strips(Free(), strips)
    assert seen[0] is strips[0]


def test_pieces_are_joined_in_the_order_of_the_text():
    first, second = Transcript("ab", 0.9, (0.9, 0.8)), Transcript("c", 0.5, (0.5,))
    both = joined([first, Transcript("", 0.0), second])
    assert both == Transcript("ab c", 0.5, (0.9, 0.8, 0.5, 0.5))
    down = [Transcript("world", 0.5, (), 180), Transcript("hello", 0.7, (), 180)]
    assert joined(down) == Transcript("hello world", 0.5, (), 180)
    assert joined([first]) is first
    assert joined([]).confidence == pytest.approx(0)
