"""The shipped detector on pages that the tests draw."""

import math
import pickle

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from isotrope.ocr.detection import make_detector
from isotrope.ocr.geometry import direction
from isotrope.ocr.loading import shipped

TEXT = "The quick brown fox jumps over"


@pytest.fixture(scope="module")
def detector():
    if not (shipped("detector") / "graph.onnx").is_file():
        pytest.skip("the weights of the detector are not part of this checkout")
    return make_detector("pp-ocr", threads=2)


def drawn(degrees=0.0, rows=4):
    """A page of text turned counter-clockwise, and the box of its first line, upright."""
    page = Image.new("RGB", (720, 560), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(28)
    for row in range(rows):
        pen.text((160, 160 + 60 * row), TEXT, "black", font)
    box = pen.textbbox((160, 160), TEXT, font)
    return np.asarray(page.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")), box


@pytest.mark.parametrize("degrees", [0, 3, -10, 30])
def test_slanted_lines(detector, degrees):
    page, (left, top, right, bottom) = drawn(degrees)
    lines = detector.find(page)
    assert len(lines) == 4
    for line in lines:
        assert direction(line.baseline) == pytest.approx(degrees, abs=1)
        assert line.confidence > 0.6
    # The first line, turned back about the center of the page.
    center, turn = np.array([360, 280]), math.radians(degrees)
    back = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    outlines = [(np.array(line.polygon) - center) @ back.T + center for line in lines]
    first = min(outlines, key=lambda outline: outline[:, 1].min())
    np.testing.assert_allclose(first.min(0), (left, top), atol=12)
    np.testing.assert_allclose(first.max(0), (right, bottom), atol=12)


@pytest.mark.parametrize("degrees", [90, -90])
def test_vertical_lines(detector, degrees):
    lines = detector.find(np.ascontiguousarray(np.rot90(drawn()[0], degrees // 90)))
    assert len(lines) == 4
    assert all(abs(direction(line.baseline)) == pytest.approx(90, abs=1) for line in lines)


def test_a_curved_line(detector):
    page, font = Image.new("RGB", (720, 300), "white"), ImageFont.load_default(28)
    for number, letter in enumerate(TEXT):
        turn = math.radians(30 - 60 * number / (len(TEXT) - 1))  # along an arc
        x, y = 360 - 480 * math.sin(turn), 620 - 480 * math.cos(turn)
        tile = Image.new("L", (48, 48))
        ImageDraw.Draw(tile).text((24, 24), letter, 255, font, anchor="ms")
        tile = tile.rotate(math.degrees(turn), Image.Resampling.BICUBIC)
        page.paste("black", (round(x) - 24, round(y) - 24), tile)
    (line,) = detector.find(np.asarray(page))
    assert len(line.baseline) > 2
    away = np.hypot(*(np.array(line.baseline[1:-1]) - (360, 620)).T)
    assert np.abs(away - 480).max() < 12  # of letters 28 px high


def test_a_blank_page_has_no_lines(detector):
    assert detector.find(np.full((400, 300, 3), 255, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (20_000, 60)])
def test_pages_of_unusual_shape(detector, size):
    assert detector.find(np.full((*size, 3), 255, np.uint8)) == []


def test_text_at_the_end_of_a_long_page(detector):
    page = np.full((20_000, 720, 3), 255, np.uint8)
    page[19_300:19_860] = drawn()[0]
    lines = detector.find(page)
    assert len(lines) == 4
    assert min(y for line in lines for _, y in line.polygon) > 19_400


def test_a_detector_can_be_sent_to_another_process(detector):
    page, _ = drawn()
    assert pickle.loads(pickle.dumps(detector)).find(page) == detector.find(page)
