"""What the reader makes of engines and finders: one text at every turn, and which it keeps."""

import hashlib
from itertools import chain, repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.likeliest import TRUST
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS, Reading

IMAGES = arrays(np.uint8, st.tuples(st.integers(2, 12), st.integers(2, 12), st.just(3)))
"""Random images, few of them square; hypothesis shrinks them towards blank ones."""


def reads_bytes(pixels):
    """A text and a confidence that any change of the pixels or of their order changes."""
    digest = hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes())
    number = int.from_bytes(digest.digest()[:4], "big")
    return digest.hexdigest()[:6], 0.1 + 0.8 * number / 2**32


class Bright:
    """An equivariant finder: a turn's score is how bright the top half of the turned image is."""

    def __init__(self, sharpness=1.0, slant=0.0):
        self.sharpness, self.slant = sharpness, slant

    def find_pixels(self, images, batch_size=32):
        return [self._find(image) for image in images]

    def _find(self, image):
        tops = [np.rot90(image, -k) for k in range(4)]
        means = [top[: max(1, len(top) // 2)].astype(np.int64).mean() for top in tops]
        odds = [float(np.exp(self.sharpness * (mean - max(means)) / 16)) for mean in means]
        scores = tuple(odd / sum(sorted(odds)) for odd in odds)
        best = int(np.argmax(scores))
        return Orientation(90 * best, scores[best], self.slant, scores)


class Always:
    """No equivariant finder: it takes every image to lie at the same turn."""

    def __init__(self, degrees=0, slant=0.0, scores=None):
        scores = scores or tuple(float(90 * k == degrees) for k in range(4))
        self.said = Orientation(degrees, max(scores), slant, scores)

    def find_pixels(self, images, batch_size=32):
        return [self.said] * len(images)


class SlantedOnce:
    """Takes images to lie at one turn and slant, and what it is shown of them later to be level."""

    def __init__(self, degrees, slant):
        self.finders = chain([Always(degrees, slant)], repeat(Always()))

    def find_pixels(self, images, batch_size=32):
        return next(self.finders).find_pixels(images)


def at_four_turns(reader, image):
    return list(reader.stream([image], turns=TURNS))


@pytest.mark.parametrize("finder", [None, Bright(), Bright(0.05), Bright(slant=7.3)])
@settings(deadline=None, max_examples=60)
@given(image=IMAGES)
def test_the_text_is_the_same_at_every_turn(finder, image):
    four = at_four_turns(Reader(make_engine(reads_bytes), finder), image)
    assert len({(reading.text, reading.confidence) for reading in four}) == 1
    assert four[0].text


@settings(deadline=None, max_examples=60)
@given(image=IMAGES)
def test_the_orientation_follows_the_turn(image):
    four = at_four_turns(Reader(make_engine(reads_bytes)), image)
    orbit = [np.rot90(image, k) for k in range(4)]
    if any(np.array_equal(orbit[0], other) for other in orbit[1:]):
        return  # a symmetric image lies at several turns at once
    turned = [(reading.orientation - four[0].orientation) % 360 for reading in four]
    assert turned == list(TURNS)


def test_without_an_equivariant_finder_the_texts_differ():
    image = np.random.default_rng(0).integers(0, 256, (8, 20, 3), np.uint8)
    four = at_four_turns(Reader(make_engine(reads_bytes), Always()), image)
    assert len({reading.text for reading in four}) == 4


def doubted(confidence, probability):
    """The confidence of a text that stands upright with some probability."""
    return pytest.approx(confidence * probability**TRUST, abs=1e-6)


def test_every_likely_turn_is_read_and_the_likelier_text_kept():
    image = np.zeros((8, 20, 3), np.uint8)
    image[0, 0] = 255  # in the first row where the image is upright

    def where(pixels):
        upright = pixels[0].any() and pixels.shape[1] == 20
        return ("down", 0.9) if not upright else ("up", up)

    undecided = Always(scores=(0.5, 0.05, 0.45, 0.0))
    up = 0.88
    assert Reader(make_engine(where), undecided).read(image) == [
        Reading("up", doubted(0.88, 0.5), 0)
    ]
    up = 0.5
    assert Reader(make_engine(where), undecided).read(image) == [
        Reading("down", doubted(0.9, 0.45), 180)
    ]
    sure = Always(scores=(0.9, 0.05, 0.05, 0.0))
    assert Reader(make_engine(where), sure).read(image) == [Reading("up", doubted(0.5, 0.9), 0)]


def test_an_empty_text_loses_and_leaves_an_empty_reading():
    image = np.zeros((8, 20, 3), np.uint8)
    undecided = Always(scores=(0.5, 0.0, 0.5, 0.0))
    said = iter([("", 0.99), ("word", 0.1), ("", 0.7), (" ", 0.7)])
    reader = Reader(make_engine(lambda _: next(said)), undecided)
    assert reader.read(image) == [Reading("word", doubted(0.1, 0.5), 180)]
    assert reader.read(image) == [Reading("", 0.0, 0)]


def test_slanted_lines_are_rectified_after_the_turn():
    sizes = []

    def read(pixels):
        sizes.append(pixels.shape[:2])
        return "x", 0.5

    upright = np.full((60, 200, 3), 255, np.uint8)
    upright[28:32, 20:180] = 0
    slanted = np.asarray(
        Image.fromarray(upright).rotate(10, expand=True, fillcolor=(255, 255, 255))
    )
    for turn in range(4):
        finder = SlantedOnce(90 * turn, 10.04)
        reading = Reader(make_engine(read), finder).read(np.rot90(slanted, turn))[0]
        assert (reading.orientation, reading.slant) == (90 * turn, 10.04)
    assert len(set(sizes)) == 1
    height, width = sizes[0]
    assert height < 16  # the bar is level: its 4 rows, their blur and a margin
    assert 155 < width < 175
    Reader(make_engine(read), Always(slant=1.9)).read(slanted)
    assert sizes[-1] == slanted.shape[:2]


def test_min_confidence_empties_the_text_alone():
    engine = make_engine(lambda _: Transcript("ab", 0.4, (0.3, 0.5)))
    image = np.zeros((8, 20, 3), np.uint8)
    assert Reader(engine, Always(), 0.4).read(image)[0].text == "ab"
    assert Reader(engine, Always(), 0.41).read(image) == [Reading("", 0.4, 0)]
    with pytest.raises(ValueError, match=r"min_confidence=1.1 must be in \[0, 1\]"):
        Reader(engine, Always(), 1.1)
