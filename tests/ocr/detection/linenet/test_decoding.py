"""Lines from maps: where they should be, and the same whichever way the maps lie."""

import numpy as np
import pytest

from isotrope.ocr.detection.linenet.decoding import SCALE, Decoding, Field, find_lines
from isotrope.ocr.geometry import direction

from .drawing import distance, drawn, turned_field, turned_line, turned_maps

LINES = (
    (60.3, 20.2, 80, 5, 0.05, 0),
    (60, 40, 80, 5, np.pi, 4),
    (30, 70, 40, 6, 1.2, -2),
    (90.5, 80, 50, 4, -np.pi / 2, 0),
    (60, 110, 9, 5, 0.5, 0),
)
SIZE = (521, 601)
"""Of the page, px: odd, and not twice that of the maps."""


def find(out, size=SIZE, **how):
    usual = {"threshold": 0.6, "sure": 0.65, "smallest": 2, "taller": 1.0}
    return find_lines(Field.of(out), size, Decoding(**usual | how))


def test_outlines_are_taller_than_letters_if_wanted():
    (line,) = find(drawn((60, 100), [(50, 30, 80, 5, 0, 0)]), (200, 120))
    (taller,) = find(drawn((60, 100), [(50, 30, 80, 5, 0, 0)]), (200, 120), taller=1.5)
    assert taller.height == pytest.approx(1.5 * line.height)
    assert np.ptp(taller.polygon, axis=0)[1] == pytest.approx(15, abs=0.5)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.5, np.pi, -1.0])
def test_a_line_is_found_within_a_fraction_of_a_position(angle):
    length, height = 70.0, 5.0
    (line,) = find(drawn((100, 100), [(50.2, 49.7, length, height, angle, 0)]), (200, 200))
    along = np.array([np.cos(angle), np.sin(angle)])
    below = np.array([-along[1], along[0]])
    center, half = SCALE * np.array([50.2, 49.7]), SCALE * length / 2 * along
    corners = [center + a * half + b * SCALE * height / 2 * below for a, b in ((-1, -1), (1, -1))]
    corners += [center + a * half + b * SCALE * height / 2 * below for a, b in ((1, 1), (-1, 1))]
    assert np.abs(np.array(line.polygon) - corners).max() < 0.75
    baseline = center + below * (SCALE * height / 4) + [-half, half]
    assert np.abs(np.array(line.baseline) - baseline).max() < 0.75
    assert line.directed
    assert line.height == pytest.approx(SCALE * height, rel=0.01)
    assert line.confidence > 0.8


def test_the_arrows_say_which_end_is_the_start():
    there = find(drawn((60, 100), [(50, 30, 80, 5, 0, 0)]))
    back = find(drawn((60, 100), [(50, 30, 80, 5, np.pi, 0)]))
    assert direction(there[0].baseline) == pytest.approx(0, abs=1)
    assert abs(direction(back[0].baseline)) == pytest.approx(180, abs=1)
    vague = drawn((60, 100), [(50, 30, 80, 5, 0, 0)])
    vague[2:4] *= 0.1
    assert not find(vague)[0].directed


def test_a_curve_is_followed():
    (line,) = find(drawn((100, 120), [(60, 40, 80, 5, 0, 8)]), (240, 200))
    x, y = np.array(line.baseline).T
    assert len(x) > 3
    true = SCALE * (40 + 8 * ((x / SCALE - 60) / 40) ** 2 + 5 / 4)
    assert np.abs(y - true).max() < 1.5


def test_touching_lines_are_cut_where_their_ends_are():
    lines = [(30, 20, 50, 5, 0, 0), (80.5, 20, 50, 5, 0, 0)]
    out = drawn((40, 110), lines)
    out[0, 19:21, 50:60] = 2  # their cores have run together
    first, second = sorted(find(out, (220, 80)), key=lambda line: line.baseline)
    assert first.baseline[-1][0] == pytest.approx(SCALE * 55.25, abs=4)
    assert second.baseline[0][0] == pytest.approx(SCALE * 55.25, abs=4)
    assert len(find(out, (220, 80), parted=1.0)) == 1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_lines_of_turned_maps_are_the_turned_lines(degrees):
    out = drawn((150, 130), LINES)
    lines = find(out)
    assert len(lines) == len(LINES)
    size = SIZE if degrees == 180 else SIZE[::-1]
    expected = [turned_line(line, degrees, SIZE) for line in lines]
    assert distance(find(turned_maps(out, degrees), size), expected) < 1e-9


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_whatever_the_maps_say(seed, degrees):
    """Blobs with any arrows and ends: nothing depends on the order of the positions."""
    rng = np.random.default_rng(seed)
    out = rng.normal(size=(5, 71, 52))
    out[:2] += np.repeat(np.repeat(rng.normal(size=(2, 24, 13)) * 3, 3, 1), 4, 2)[:, :71]
    lines = find(out, sure=0, smallest=1)
    assert len(lines) > 30
    size = SIZE if degrees == 180 else SIZE[::-1]
    expected = [turned_line(line, degrees, SIZE) for line in lines]
    found = find(turned_maps(out, degrees), size, sure=0, smallest=1)
    assert distance(found, expected) < 1e-9


def test_arrows_that_do_not_turn_with_the_page_are_noticed():
    out = drawn((150, 130), LINES)
    expected = [turned_line(line, 180, SIZE) for line in find(out)]
    still = turned_maps(out, 180)
    still[2:4] *= -1
    assert distance(find(still), expected) > 1


def test_a_field_turns_as_its_maps_do():
    out = drawn((40, 30), [(15, 20, 20, 5, 0.3, 0)])
    one, other = turned_field(Field.of(out), 90), Field.of(turned_maps(out, 90))
    np.testing.assert_allclose(one.arrow, other.arrow)
    np.testing.assert_allclose(one.core, other.core)


def test_wild_maps_are_read_without_a_warning():
    out = np.full((5, 9, 8), -500, np.float32)
    out[0, 3:5] = out[2:, 3:5] = 500
    (line,) = find(out)
    assert line.confidence == 1
    assert np.isfinite(line.polygon).all()


def test_blank_maps_have_no_lines():
    assert find(np.full((5, 8, 8), -4.0)) == []
