"""Paragraphs stay in their box, and their labels lie on the ink."""

from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.paragraphs import broken, flow, phrase

from .conftest import assert_labels_lie_on_ink

TEXT = "The quick brown fox jumps over the lazy dog, and then it sleeps for many hours. "
BOX = Box(50, 40, 400, 450)


def bounds(lines):
    points = np.concatenate([line.polygon for line in lines])
    return (*points.min(axis=0), *points.max(axis=0))


@pytest.mark.parametrize("align", ["justify", "left", "center", "right"])
@pytest.mark.parametrize("indent", [0.0, 1.5, -1.0])
def test_lines_fill_the_box(press, plain, align, indent):
    setting = replace(plain, align=align, indent=indent)
    bottom = flow(press, BOX, setting, repeat(TEXT * 3))
    assert_labels_lie_on_ink(press.sheet)
    left, top, right, low = bounds(press.sheet.lines)
    assert left > BOX.left - 0.1
    assert right < BOX.right + 0.1
    assert top == pytest.approx(BOX.top, abs=0.1)
    assert low == pytest.approx(bottom)
    assert BOX.bottom >= bottom > BOX.bottom - 2 * setting.pitch
    levels = [line.baseline[0][1] for line in press.sheet.lines]
    np.testing.assert_allclose(np.diff(levels), setting.pitch, rtol=1e-3)
    ends = [line.baseline[-1][0] for line in press.sheet.lines]
    if align == "justify":
        assert np.isclose(ends, BOX.right).mean() > 0.6
    if align == "left":
        assert np.isclose(ends, BOX.right).mean() < 0.3


def test_paragraphs_are_blocks(press, plain):
    flow(press, BOX, replace(plain, gap=1.0), repeat(TEXT * 2), most=12)
    assert len(press.sheet.lines) == 12
    blocks = [line.block for line in press.sheet.lines]
    assert blocks == sorted(blocks)
    levels = [line.baseline[0][1] for line in press.sheet.lines]
    steps = np.diff(levels) / plain.pitch
    new = np.diff(blocks) > 0
    assert (steps[new] > 1.5).all()
    assert new.any()
    assert (steps[~new] < 1.1).all()


@pytest.mark.parametrize("width", [60, 75, 100, 300])
def test_nothing_is_lost_when_a_text_is_broken(press, plain, width):
    runs = [run for run, _ in broken(press, TEXT.strip(), plain, width)]
    joined = "".join(run.text for run in runs).replace("-", "").replace(" ", "")
    assert joined == TEXT.replace(" ", "")
    assert all(run.width <= width + 0.1 for run in runs)


def test_a_box_narrower_than_a_letter(press, plain):
    assert flow(press, Box(0, 0, 3, 100), plain, repeat(TEXT), most=3) <= 100
    assert not press.sheet.lines


def test_a_box_lower_than_a_line(press, plain):
    box = Box(0, 20, 300, 30)
    assert flow(press, box, plain, repeat(TEXT)) == 20
    assert phrase(press, box, plain, "word") == 20
    assert not press.sheet.lines


def test_restless_hands_have_curved_baselines(press, plain):
    hand = replace(plain, face=replace(plain.face, kind="hand"), unrest=0.1, leading=1.6)
    flow(press, BOX, hand, repeat(TEXT))
    assert_labels_lie_on_ink(press.sheet, 3)
    assert any(np.ptp(line.baseline[:, 1]) > 1 for line in press.sheet.lines)
    assert all(len(line.baseline) > 2 for line in press.sheet.lines if len(line.text) > 20)


def test_initials_are_ignored(press, plain):
    setting = replace(plain, initial=True)
    flow(press, BOX, setting, repeat(TEXT * 3))
    assert len(press.sheet.ignored) == 1
    first, *others = press.sheet.lines
    large = press.sheet.ignored[0]
    assert np.ptp(large[:, 1]) > 2 * first.height
    assert first.baseline[0][0] > large[:, 0].max()
    assert others[6].baseline[0][0] == BOX.left


def test_marks(press, plain):
    flow(press, BOX, replace(plain, marked=1.0), repeat(TEXT), most=5)
    dark = press.sheet.pixels[..., 0] < 128
    assert (dark.sum(axis=1) > 80).sum() >= 4  # rows of rules
