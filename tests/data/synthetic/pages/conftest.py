"""A press with a clean sheet, and measures of ink."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from isotrope.data.synthetic.pages.faces import Faces, face
from isotrope.data.synthetic.pages.press import Press, Setting
from isotrope.data.synthetic.pages.sheet import Sheet
from isotrope.data.synthetic.pages.writing import Writing


@pytest.fixture(scope="session")
def faces():
    return Faces()


@pytest.fixture
def press(faces):
    return Press(Sheet(700, 500), faces, Writing(), np.random.default_rng(0))


@pytest.fixture(scope="session")
def plain(faces):
    """DejaVu Sans, which has no strokes beyond its ascenders and descenders."""
    family = next(f for f in faces.families["text"] if f[0].family == "DejaVu Sans")
    regular = next(file for file in family if file.path.endswith("DejaVuSans.ttf"))
    return Setting(face(regular, "text", 20.0))


def ink(sheet):
    """Where a sheet is dark: (H, W) bool."""
    return sheet.pixels[..., :3].min(axis=-1) < 128


def inside(lines, size, spare=0):
    """Where the outlines of lines are, widened: (H, W) bool."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for line in lines:
        points = [tuple(point) for point in line.polygon.tolist()]
        draw.polygon(points, fill=255, outline=255, width=1)
        if spare:
            draw.line([*points, points[0]], fill=255, width=2 * spare + 1)
    return np.array(mask) > 0


def assert_labels_lie_on_ink(sheet, spare=2):
    """All ink is within outlines, and every outline has ink within."""
    size = (sheet.width, sheet.height)
    dark = ink(sheet)
    assert dark.any()
    assert not (dark & ~inside(sheet.lines, size, spare)).any()
    for line in sheet.lines:
        assert (dark & inside([line], size)).any(), line
