"""Pages whose lines stand at known places."""

import math

import pytest

from isotrope.ocr.document import Document, Line, Page, Region, Word
from isotrope.ocr.geometry import rounded

ADVANCE = 12.0
"""Width of a character, px."""


def line_at(text, start, direction=0.0, height=24.0, confidence=0.9, **values):
    """A line of text set from a point of its baseline in a direction, counter-clockwise."""
    angle = math.radians(direction)
    along, up = (math.cos(angle), -math.sin(angle)), (-math.sin(angle), -math.cos(angle))

    def at(s, t):
        return tuple(start[axis] + s * along[axis] + t * up[axis] for axis in (0, 1))

    def outline(s0, s1):
        top, bottom = 0.75 * height, -0.25 * height
        return rounded([at(s0, top), at(s1, top), at(s1, bottom), at(s0, bottom)])

    words, place = [], 0
    for word in text.split(" "):
        ends = place * ADVANCE, (place + len(word)) * ADVANCE
        characters = (confidence,) * len(word)
        words.append(Word(word, confidence, outline(*ends), characters))
        place += len(word) + 1
    end = len(text) * ADVANCE
    quarter = round(direction / 90) * 90
    return Line(
        text,
        confidence,
        quarter % 360,
        outline(0, end),
        rounded([start, at(end, 0)]),
        tuple(words),
        direction - quarter,
        (confidence,) * len(text),
        **values,
    )


def region_of(*lines, **values):
    """A region of lines."""
    corners = [point for line in lines for point in line.polygon]
    xs, ys = zip(*corners, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    outline = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Region(lines, outline, lines[0].orientation, **values)


@pytest.fixture
def page():
    """A page with a heading, slanted and turned lines, and text that is hard to write."""
    return Page(
        600,
        400,
        (
            region_of(line_at("A heading & more", (40, 50)), kind="heading"),
            region_of(
                line_at("first line,", (40, 100), confidence=0.123456),
                line_at("second <line>", (40, 130)),
            ),
            region_of(line_at("slanted text", (60, 300), 15.0)),
            region_of(line_at("upwards", (500, 320), 90.0)),
            region_of(line_at("on its head", (400, 200), 180.0)),
            region_of(line_at("down", (560, 100), 270.0)),
            region_of(line_at("𝔄𝔟𝔠 שלום 日本 ſtraße", (40, 180))),
        ),
        file="a & b.png",
        resolution=300.0,
    )


@pytest.fixture
def document(page):
    """Two pages, the second blank."""
    return Document((page, Page(300, 500, file=page.file, number=2)), page.file)


@pytest.fixture
def slanted_page():
    """A page of lines that run in one direction, made from its slant."""

    def make(slant):
        lines = (line_at("some words", (300, 320), slant), line_at("below them", (300, 380), slant))
        return Page(700, 700, (region_of(*lines),), slant=slant)

    return make


@pytest.fixture
def line_page():
    """A page of one line, made from its text."""

    def make(text):
        return Page(600, 100, (region_of(line_at(text, (40, 50))),))

    return make
