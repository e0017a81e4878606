"""Crops that spoil a reading get a warning, ordinary ones do not; without text nothing is read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from isotrope import Reader
from isotrope.ocr.doubts import LONGEST, STEEP, count_lines, doubts
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.orientation.finder import Orientation

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))
TURNS = (0, 90, 180, 270)


def drawn(text, size=32, spacing=12):
    """Black text on white, as many lines as it has."""
    image = Image.new("L", (900, (size + 2 * spacing) * (text.count("\n") + 1)), 255)
    ImageDraw.Draw(image).text((8, 4), text, fill=0, font_size=size, spacing=spacing)
    return np.asarray(image.crop(image.point(lambda gray: 255 - gray).getbbox()).convert("RGB"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("the quick brown fox", 1),
        ("Äöü, ÎÏ: ;iii", 1),  # dots and accents are no lines
        ("=== - ===", 1),
        ("the quick\nbrown fox", 2),
        ("the quick\nbrown fox\njumps over", 3),
    ],
)
def test_lines_are_counted_whatever_the_colors(text, lines):
    pixels = drawn(text)
    assert count_lines(pixels) == lines
    assert count_lines(255 - pixels) == lines
    assert count_lines((pixels * 0.2 + 90).astype(np.uint8)) == lines


def test_three_lines_are_counted_though_they_stand_far_apart():
    assert count_lines(drawn("first line\nsecond line\nthird one", spacing=24)) == 3


def test_an_underline_is_no_line():
    pixels = np.pad(drawn("underlined"), ((0, 14), (0, 0), (0, 0)), constant_values=255)
    pixels[-4:-1] = 0
    assert count_lines(pixels) == 1


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_blank_image_has_no_lines_to_count(gray):
    assert count_lines(np.full((40, 90, 3), gray, np.uint8)) == 1


def test_what_is_warned_of():
    one, two = drawn("one line"), drawn("one line\nand another")
    assert doubts(one, "one line") == ()
    assert doubts(one, "x" * LONGEST, -STEEP) == ()
    assert doubts(two, "") == ()
    assert doubts(two, "one") == ("looks like 2 lines of text; give one line at a time",)
    (long,) = doubts(one, "x" * (LONGEST + 1))
    assert long == "101 characters are too many for one line; cut it in two"
    (steep,) = doubts(one, "x", -STEEP - 5)
    assert steep == "slanted by -35 degrees; level the image first"


class Says:
    """Reads the same text everywhere."""

    name = "says"

    def read(self, lines, batch_size=32):
        return [Transcript("said", 0.5)] * len(lines)


class EquivariantSays(Says):
    """Says that the text is turned by a quarter."""

    equivariant = True

    def read(self, lines, batch_size=32):
        return [Transcript("said", 0.5, (), 90)] * len(lines)


class Quarter:
    """Finds every image turned by a quarter."""

    def find_pixels(self, images, batch_size=32):
        return [Orientation(90, 1.0, 0.0, (0.0, 1.0, 0.0, 0.0))] * len(images)


@pytest.mark.parametrize(
    "reader", [Reader(Says(), Quarter()), Reader(EquivariantSays())], ids=["frame", "equivariant"]
)
def test_a_reading_carries_the_warnings_of_the_upright_crop(reader):
    two = np.rot90(drawn("one line\nand another"))
    assert reader.read(two)[0].warnings == ("looks like 2 lines of text; give one line at a time",)
    assert reader.read(np.rot90(drawn("one line")))[0].warnings == ()
    strict = Reader(reader.engine, reader.finder, min_confidence=0.9)
    assert strict.read(two)[0].warnings == ()  # nothing is read, so nothing is doubtful


@pytest.fixture(scope="module")
def shipped():
    return Reader.from_pretrained(threads=1)


def test_the_samples_have_no_warnings(shipped):
    assert not any(reading.warnings for reading in shipped.stream(SAMPLES, turns=TURNS))


def test_two_lines_are_warned_of_at_every_turn(shipped):
    for reading in shipped.stream(drawn("the quick\nbrown fox"), turns=TURNS):
        assert reading.warnings == ("looks like 2 lines of text; give one line at a time",)


def test_images_without_text_are_empty(shipped):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((32, 96), (64, 64), (48, 300))]
    gray = [np.repeat(each[..., :1], 3, axis=2) for each in noise]
    blank = [np.full((40, 120, 3), value, np.uint8) for value in (0, 128, 255)]
    for reading in shipped.read([*noise, *gray, *blank]):
        assert (reading.text, reading.confidence, reading.warnings) == ("", 0.0, ())
