"""Slanted and loosely cut lines are leveled and cut out, and read again if they were unsure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.tidy import SURE, read_tidied, tidied

from .test_skew import line

PAPER = 240


def loose(pixels, above, below):
    """A line with blank paper above and below."""
    return np.pad(pixels, ((above, below), (0, 0), (0, 0)), constant_values=PAPER)


def turned(pixels, degrees):
    fill = (PAPER, PAPER, PAPER)
    turn = Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC, True, fillcolor=fill)
    return np.asarray(turn)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(12, 39), st.integers(12, 39))  # longer than 5 heights
def test_blank_paper_is_cut_off(seed, above, below):
    tidy = tidied(loose(line(seed), above, below))
    assert tidy is not None
    assert 24 <= len(tidy) <= 27  # its ink is 24 px high
    assert tidy.shape[1] == 600


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(2, 6), st.sampled_from((-1, 1)))
def test_a_slanted_line_is_leveled(seed, degrees, sign):
    tidy = tidied(turned(line(seed), sign * degrees))
    assert tidy is not None
    assert len(tidy) <= 32
    assert tidied(tidy) is None  # nothing is left to do


@pytest.mark.parametrize(
    "pixels",
    [
        line(0)[4:32],  # tight
        loose(line(0, columns=150), 40, 40),  # short
        np.full((40, 400, 3), 200, np.uint8),  # blank
    ],
)
def test_other_images_stay_as_they_are(pixels):
    assert tidied(pixels) is None


def test_specks_and_noise_do_not_count_as_ink():
    pixels = loose(line(1), 30, 30)
    pixels[2, 300] = 0
    noise = np.random.default_rng(0).integers(-9, 10, pixels.shape)
    tidy = tidied((pixels + noise).clip(0, 255).astype(np.uint8))
    assert tidy is not None
    assert len(tidy) <= 27


class Heights:
    """An engine whose text is the height of a line, and whose confidence is given."""

    name = "heights"

    def __init__(self, confidence):
        self.confidence, self.read_lines = confidence, 0

    def read(self, lines, batch_size=32):
        self.read_lines += len(lines)
        return [Transcript(str(len(one)), self.confidence(len(one))) for one in lines]


@pytest.mark.parametrize(
    ("confidence", "read", "texts"),
    [
        (lambda height: SURE, 2, ["90", "28"]),  # sure: once
        (lambda height: 0.9 if height < 30 else 0.5, 3, ["26", "28"]),  # better tidied
        (lambda height: 0.5 if height < 30 else 0.9, 3, ["90", "28"]),  # worse tidied
    ],
)
def test_an_unsure_line_is_read_again_tidied(confidence, read, texts):
    engine = Heights(confidence)
    lines = [loose(line(2), 25, 25), line(2)[4:32]]
    assert [one.text for one in read_tidied([engine] * 2, lines)] == texts
    assert engine.read_lines == read
