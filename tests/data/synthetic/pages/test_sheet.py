"""Lines on a sheet: the labels follow the ink through every frame."""

import math

import numpy as np
import pytest
import skia

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.sheet import Sheet
from isotrope.data.synthetic.pages.stamps import circle
from isotrope.data.synthetic.pages.turning import turned

from .conftest import assert_labels_lie_on_ink, ink


def extent(dark):
    """Left, top, right and bottom of the ink."""
    rows, columns = np.nonzero(dark.any(axis=1))[0], np.nonzero(dark.any(axis=0))[0]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_a_line_lies_from_its_ascenders_to_its_descenders(plain):
    sheet = Sheet(400, 100)
    end = sheet.write(plain.face, plain.face.run("bdhlpqgy"), 50, 60)
    (line,) = sheet.lines
    left, top, right, bottom = extent(ink(sheet))
    np.testing.assert_allclose(line.polygon[0], [left, top], atol=2.5)
    np.testing.assert_allclose(line.polygon[2], [right, bottom], atol=2.5)
    np.testing.assert_array_equal(line.baseline, [[50, 60], [end, 60]])
    assert line.height == pytest.approx(plain.face.height) == pytest.approx(20, abs=0.5)
    assert line.direction == 0
    standing = Sheet(400, 100)
    standing.write(plain.face, plain.face.run("HNM"), 50, 60)
    assert extent(ink(standing))[3] == pytest.approx(60, abs=1)


@pytest.mark.parametrize("degrees", [0, 5, 90, -90, 180, 133])
def test_a_turned_line(press, plain, degrees):
    with turned(press, Box(100, 50, 600, 450), degrees) as box:
        press.sheet.write(plain.face, plain.face.run("hamburgefonts"), 40, box.height / 2)
    assert_labels_lie_on_ink(press.sheet)
    (line,) = press.sheet.lines
    assert abs((line.direction - degrees + 180) % 360 - 180) < 1e-3
    assert line.height == pytest.approx(plain.face.height, rel=1e-4)
    above = line.polygon[0] - line.baseline[0]  # the ascenders are to the left of the direction
    up = math.radians(line.direction + 90)
    assert above @ [math.cos(up), -math.sin(up)] == pytest.approx(plain.face.ascent, rel=1e-3)


@pytest.mark.parametrize("degrees", range(-180, 180, 25))
def test_a_turned_box_lies_within_its_place(press, degrees):
    place = Box(60, 40, 460, 240)
    with turned(press, place, degrees) as box:
        corners = [[x, y] for x in (box.left, box.right) for y in (box.top, box.bottom)]
        points = press.sheet.to_page(np.array(corners))
    low, high = points.min(axis=0), points.max(axis=0)
    assert (low > np.array([60, 40]) - 0.01).all()
    assert (high < np.array([460, 240]) + 0.01).all()
    # it touches two sides: it is no smaller than it must be
    gaps = np.concatenate([low - [60, 40], [460, 240] - high])
    assert (gaps < 0.5).sum() >= 2


def test_frames_within_frames(plain):
    sheet = Sheet(400, 300)
    with sheet.frame(skia.Matrix.Translate(100, 100)), sheet.frame(skia.Matrix.Scale(2, 2)):
        sheet.write(plain.face, plain.face.run("two"), 0, 10)
    assert_labels_lie_on_ink(sheet)
    assert sheet.lines[0].height == pytest.approx(2 * plain.face.height)
    np.testing.assert_allclose(sheet.lines[0].baseline[0], [100, 120])


def test_justified_lines_end_at_the_edge(plain):
    sheet = Sheet(400, 60)
    run = plain.face.run("three wide words")
    assert sheet.write(plain.face, run, 20, 40, width=340) == pytest.approx(360)
    assert extent(ink(sheet))[2] == pytest.approx(360, abs=3)
    assert_labels_lie_on_ink(sheet)


def test_a_line_around_a_circle(plain):
    sheet = Sheet(300, 300)
    run = plain.face.run("around and around the ring")
    sheet.write_along(plain.face, run, circle((150, 150), 90, -math.pi))
    assert_labels_lie_on_ink(sheet, 3)
    (line,) = sheet.lines
    distances = np.hypot(*(line.baseline - 150).T)
    np.testing.assert_allclose(distances, 90, atol=1e-3)
    assert len(line.baseline) > 5
    np.testing.assert_allclose(line.baseline[0], [60, 150], atol=1e-3)
    tops = np.hypot(*(line.polygon[: len(line.baseline)] - 150).T)
    np.testing.assert_allclose(tops, 90 + plain.face.ascent, atol=1e-3)


def test_letters_that_stray(plain):
    sheet = Sheet(400, 60)
    run = plain.face.run("xxxxxxxx")
    jitter = np.array([0, 4, -4, 0, 0, 0, 0, 0], float)
    sheet.write(plain.face, run, 20, 30, jitter=jitter)
    assert extent(ink(sheet))[3] == pytest.approx(34, abs=1)


def test_spaces_alone_are_no_line(plain):
    sheet = Sheet(100, 60)
    assert sheet.write(plain.face, plain.face.run("  "), 20, 30) == 20
    sheet.write_along(plain.face, plain.face.run(""), circle((50, 30), 20, 0.0))
    assert not sheet.lines


def test_thin_strokes_are_thickened(faces):
    from isotrope.data.synthetic.pages.faces import face

    thin = min(
        (file for files in faces.families["text"] for file in files),
        key=lambda file: face(file, "text", 20).stem,
    )
    chosen = face(thin, "text", 13)
    assert chosen.stem < 0.75
    sheet = Sheet(200, 40)
    sheet.write(chosen, chosen.run("hamburg"), 10, 25)
    assert sheet.pixels[..., :3].min() < 110
