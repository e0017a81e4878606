"""Windows of pages: the lines stay on their ink."""

import numpy as np
import pytest
from PIL import Image

from isotrope.data.bands import Band
from isotrope.data.page_windows import (
    Window,
    WindowShape,
    draw_window,
    page_split,
    side_by_side,
)


def page(levels=(60, 120, 180, 240), size=(400, 300), ignored=()):
    """White paper with a dark bar along the axis of each line."""
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    for y in levels:
        pixels[y - 4 : y + 4, 50:350] = 0
    bands = [Band(np.array([[50.0, y], [200.0, y], [350.0, y]]), 24.0) for y in levels]
    return Window(Image.fromarray(pixels), tuple(bands), tuple(ignored))


def darkness(window, points):
    """Mean of the image at points within it, 0 for black."""
    pixels = np.asarray(window.image)[..., 0]
    rows, columns = pixels.shape
    x, y = np.floor(points.T).astype(int)
    inside = (x > 0) & (x < columns - 1) & (y > 0) & (y < rows - 1)
    return pixels[y[inside], x[inside]].mean() if inside.any() else 0


@pytest.mark.parametrize("seed", range(8))
def test_lines_stay_on_their_ink(seed):
    rng = np.random.default_rng(seed)
    window = draw_window(page(), (256, 192), WindowShape((12, 40), 45.0), rng)
    assert window.image.size == (256, 192)
    assert window.bands
    for band in window.bands:
        middle = band.shortened(0.1 * band.length).axis
        start, stop = middle[0], middle[-1]
        assert darkness(window, start + np.linspace(0, 1, 20)[:, None] * (stop - start)) < 60
        assert (band.axis >= -1e-6).all()
        assert (band.axis <= np.array([256, 192]) + 1e-6).all()


def test_lines_have_the_drawn_height():
    shape = WindowShape((15.0, 15.0), 0.0)
    window = draw_window(page(), (256, 192), shape, np.random.default_rng(0))
    assert window.height == pytest.approx(15, rel=0.01)


def test_a_window_depends_on_its_generator_alone():
    first, second = (
        draw_window(page(), (128, 128), WindowShape(), np.random.default_rng(3)) for _ in range(2)
    )
    assert first.image.tobytes() == second.image.tobytes()
    np.testing.assert_array_equal(first.bands[0].axis, second.bands[0].axis)


@pytest.mark.parametrize("across", [True, False])
def test_two_windows_in_one(across):
    corner = np.array([[0, 0], [30, 0], [0, 30.0]])
    one, other = page((60, 120)), page((40, 200), ignored=[corner])
    both = side_by_side(one, other, 150, across)
    assert both.image.size == one.image.size
    for band in both.bands:
        assert darkness(both, band.shortened(2).axis) < 60
    moved = corner + ((150, 0) if across else (0, 150))
    np.testing.assert_array_equal(both.ignored[0], moved)
    if across:  # the lines of the first end where the second begins
        assert sorted(band.axis[-1, 0] for band in both.bands) == [150, 150, 400, 400]
    else:
        assert sorted(band.axis[0, 1] for band in both.bands) == [60, 120, 190]


def test_every_tenth_page_of_a_large_folder_is_held_out():
    names = [f"a/{n:02}" for n in range(16)] + [f"b/{n}" for n in range(4)]
    train, held = page_split(names)
    assert held == ["a/04", "a/14"]
    assert sorted(train + held) == sorted(names)
