"""Warps move points as they move pixels."""

import numpy as np
import pytest

from isotrope.data.page_labels import LabeledPage, PageLine
from isotrope.data.synthetic.pages.warps import (
    Warp,
    cropped,
    divided,
    draw_warp,
    image_size,
    warped,
)

SIZE = (300, 400)
SPOTS = np.array([[60.0, 50], [240, 60], [150, 200], [70, 340], [230, 350]])


def page():
    """White, with a dark spot of 7 px around each of SPOTS, which are the corners of a line."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    pixels = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    for spot in SPOTS:
        pixels[np.hypot(x - spot[0], y - spot[1]) < 7] = 0
    return LabeledPage(pixels, (PageLine(SPOTS[:2], SPOTS, 20.0),), (SPOTS,))


def centers(pixels, near):
    """The centers of the dark spots around some points."""
    found = []
    for x, y in near:
        left, top = max(int(x) - 14, 0), max(int(y) - 14, 0)
        dark = 255.0 - pixels[top : top + 29, left : left + 29, 0]
        rows, columns = np.mgrid[: dark.shape[0], : dark.shape[1]] + 0.5
        found.append(
            [
                left + (columns * dark).sum() / dark.sum(),
                top + (rows * dark).sum() / dark.sum(),
            ]
        )
    return np.array(found)


def drawn(kinds):
    """Seeds whose warps are of a kind."""
    for seed in range(200):
        warp = draw_warp(np.random.default_rng(seed), SIZE)
        if warp is not None and kinds(warp):
            yield warp


@pytest.mark.parametrize(
    "kind",
    [
        lambda warp: not warp.curved and not warp.tilt.any(),
        lambda warp: not warp.curved and warp.tilt.any(),
        lambda warp: warp.bows.any() and not len(warp.waves),
        lambda warp: len(warp.waves) > 0,
    ],
    ids=["slant", "perspective", "arcs", "waves"],
)
def test_points_follow_the_pixels(kind):
    warps = list(drawn(kind))
    assert len(warps) >= 4
    for warp in warps[:6]:
        image = warped(page(), warp, (255, 255, 255))
        expected = warp(SPOTS)
        kept = ((expected > 8) & (expected < np.array(image.size) - 8)).all(axis=1)
        assert kept.sum() >= 3
        found = centers(image.pixels, expected[kept])
        np.testing.assert_allclose(found, expected[kept], atol=0.6)
        np.testing.assert_array_equal(image.ignored[0], expected)
        np.testing.assert_array_equal(image.lines[0].baseline[[0, -1]], expected[:2])


def test_lines_on_curved_paper_have_more_points():
    warp = next(iter(drawn(lambda warp: warp.bows.any())))
    line = warped(page(), warp, (0, 0, 0)).lines[0]
    assert len(line.baseline) == 1 + np.ceil(np.hypot(180, 10) / 30)
    steps = np.hypot(*np.diff(line.baseline, axis=0).T)
    assert (steps < 45).all()


def test_a_warp_keeps_the_page_in_sight():
    for warp in drawn(lambda warp: True):
        width, height = image_size(warp)
        assert max(width, height) <= 1.2 * 1600
        edge = warp(np.array([[0, 0], [300, 0], [300, 400], [0, 400]], float))
        assert (edge > -0.05 * max(SIZE)).all()
        assert (edge < np.array([width, height]) + 0.05 * max(SIZE)).all()


def test_most_pages_stay_as_they_are():
    flat = [draw_warp(np.random.default_rng(seed), SIZE) is None for seed in range(200)]
    assert 0.3 < np.mean(flat) < 0.7


def test_turns_are_counter_clockwise():
    warp = Warp(SIZE, np.radians(90), np.zeros(2), np.zeros(2), np.zeros((0, 5)), 200.0, 0.0)
    moved = warp(np.array([[150.0, 200], [300, 200]]))
    np.testing.assert_allclose(moved, [[0, 0], [0, -150]], atol=1e-9)


def test_dividing():
    points = divided(np.array([[0.0, 0], [10, 0], [10, 4]]), 4.0)
    np.testing.assert_allclose(points, [[0, 0], [10 / 3, 0], [20 / 3, 0], [10, 0], [10, 4]])


def test_crops_move_the_points():
    for seed in range(8):
        image = cropped(page(), np.random.default_rng(seed))
        moved = image.lines[0].polygon
        kept = ((moved > 8) & (moved < np.array(image.size) - 8)).all(axis=1)
        np.testing.assert_allclose(centers(image.pixels, moved[kept]), moved[kept], atol=0.1)
        assert min(image.size) >= 0.25 * min(SIZE)
