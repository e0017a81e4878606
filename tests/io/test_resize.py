"""Sizes, quarter turns and rotations of arrays of pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isotrope.io.images import ImageError
from isotrope.io.resize import prepare_pixels, reduced, resize, rotate, target_size, turn

TOLERANCE = 1e-6
sides = st.integers(1, 70)


def noise(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def commutation_error(function, pixels, size, turns, mirrored):
    """max |f(g x) - g f(x)| for a quarter turn after a mirror, where f(x, size) resizes x."""

    def act(image):
        return np.ascontiguousarray(np.rot90(image[:, ::-1] if mirrored else image, turns))

    turned = function(act(pixels), size[::-1] if turns % 2 else size)
    return np.abs(turned - act(function(pixels, size))).max()


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_resizing_commutes_with_turns_and_mirrors(rows, columns, h, w, turns, mirrored, seed):
    error = commutation_error(resize, noise(rows, columns, seed), (h, w), turns, mirrored)
    assert error < TOLERANCE


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_preparing_the_longest_line_commutes_with_turns(turns):
    def prepared(pixels, _):
        return prepare_pixels(pixels, 32, 8, 40)

    assert commutation_error(prepared, noise(48, 1920), (32, 1280), turns, True) < TOLERANCE


def rounded_between(pixels, size):
    """Pillow's own way with RGB, which rounds to 8 bits between its two passes."""
    resized = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized).astype(np.float32) / 255


def nearest(pixels, size):
    rows, columns = (
        np.arange(new) * old // new for old, new in zip(pixels.shape[:2], size, strict=True)
    )
    return pixels[rows][:, columns].astype(np.float32) / 255


def test_negative_controls_do_not_commute():
    pixels = noise(61, 103)
    assert commutation_error(rounded_between, pixels, (32, 56), 1, False) > 1000 * TOLERANCE
    assert commutation_error(nearest, pixels, (32, 56), 2, False) > 1000 * TOLERANCE


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 2**32 - 1))
def test_resizing_is_the_triangle_filter(rows, columns, h, w, seed):
    def weights(old, new):
        scale = old / new
        centers = (np.arange(new)[:, None] + 0.5) * scale - 0.5
        triangle = np.clip(1 - np.abs(np.arange(old) - centers) / max(scale, 1), 0, None)
        return triangle / triangle.sum(1, keepdims=True)

    pixels = noise(rows, columns, seed)
    expected = np.einsum("ij,jkc,lk->ilc", weights(rows, h), pixels / 255, weights(columns, w))
    resized = resize(pixels, (h, w))
    assert (resized.shape, resized.dtype) == ((h, w, 3), np.float32)
    assert resized.flags.c_contiguous
    np.testing.assert_allclose(resized, expected, rtol=0, atol=2e-6)


def test_an_image_of_the_right_size_keeps_its_pixels():
    pixels = noise(32, 96)
    assert np.array_equal(prepare_pixels(pixels, 32, 8, 16), pixels / np.float32(255))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 90), st.integers(2, 90), st.integers(0, 2**32 - 1))
def test_preparing_agrees_with_torch(rows, columns, seed):
    torch = pytest.importorskip("torch")
    from isotrope.data.images import load_image, prepare

    pixels = noise(rows, columns, seed)
    expected = prepare(load_image(pixels), 32, 8, 50).permute(1, 2, 0)
    actual = torch.from_numpy(prepare_pixels(pixels, 32, 8, 50))
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), (32, 32)),
        ((32, 35), (32, 32)),
        ((32, 36), (32, 40)),  # half-way between 32 and 40: up
        ((32, 44), (32, 48)),  # half-way between 40 and 48: up
        ((64, 1024), (32, 512)),
        ((1024, 64), (512, 32)),
        ((5, 6), (32, 40)),
        ((100, 101), (32, 32)),
    ],
)
def test_target_size(size, expected):
    assert target_size(size, 32, 8, 16) == expected
    assert prepare_pixels(noise(*size), 32, 8, 16).shape == (*expected, 3)


def test_what_cannot_be_read_is_refused():
    for rows, columns in [(1, 1), (1, 30), (30, 1)]:
        with pytest.raises(ImageError, match=rf"^{columns}x{rows} px: too small .* at least 2 px"):
            prepare_pixels(noise(rows, columns), 32, 8, 16)
    message = "20000x48 px is 416.7 times longer than high; the reader takes up to 16: cut it into"
    with pytest.raises(ImageError, match=message):
        target_size((48, 20000), 32, 8, 16)


@settings(max_examples=40, deadline=None)
@given(sides, sides, st.integers(-5, 5), st.integers(-5, 5))
def test_turns_compose(rows, columns, first, second):
    pixels = noise(rows, columns)
    turned = turn(turn(pixels, 90 * first), 90 * second)
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, turn(pixels, 90 * (first + second)))
    assert np.array_equal(turn(turned, -90 * (first + second)), pixels)


def test_turns_go_counter_clockwise_as_rotations_do():
    pixels = noise(3, 5)
    assert np.array_equal(turn(pixels, 90)[0, 0], pixels[0, -1])
    for degrees in (0, 90, 180, 270):
        assert np.array_equal(rotate(pixels, degrees), turn(pixels, degrees))


def test_a_slanted_line_is_rectified():
    straight = np.full((40, 200, 3), 230, np.uint8)
    straight[18:22, 20:180] = 10
    slanted = rotate(straight, 7)
    assert slanted.shape[0] > 50
    rows = np.flatnonzero((rotate(slanted, -7).min(axis=-1) < 100).any(axis=1))
    assert len(np.flatnonzero((slanted.min(axis=-1) < 100).any(axis=1))) > 20
    assert len(rows) <= 6


def test_the_corners_take_the_color_of_the_border_or_the_one_given():
    pixels = noise(20, 30)
    pixels[[0, -1]] = pixels[:, [0, -1]] = (200, 190, 180)
    pixels[0, :8] = 0  # ink that reaches the border does not color the corners
    assert rotate(pixels, 10)[0, 0].tolist() == [200, 190, 180]
    assert rotate(pixels, 10, fill=(1, 2, 3))[0, 0].tolist() == [1, 2, 3]
    assert rotate(np.full((1, 9, 3), 7, np.uint8), 30).min() == 7
    assert rotate(np.full((1, 1, 3), 7, np.uint8), 30).min() == 7


@pytest.mark.parametrize(
    "call",
    [
        lambda pixels: resize(pixels, (3, 3)),
        lambda pixels: prepare_pixels(pixels, 32, 8, 16),
        lambda pixels: rotate(pixels, 5),
    ],
)
@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((3, 4, 4), np.uint8), noise(0, 4)],
)
def test_other_arrays_are_refused(call, pixels):
    with pytest.raises(ValueError, match=r"must be uint8 \(H, W, 3\): load them with load_pixels"):
        call(pixels)


def test_a_large_image_is_averaged_in_whole_blocks_to_twice_the_size(monkeypatch):
    pixels = noise(41, 60)
    small = reduced(pixels, (7, 10))
    assert small.shape == (21, 30, 3)  # by 2; by 3 it would be less than twice the size
    mean = pixels[:2, :2].astype(float).mean(axis=(0, 1))
    assert np.abs(small[0, 0] - mean).max() <= 0.5
    assert reduced(pixels, (20, 30)) is pixels
    monkeypatch.setattr("isotrope.io.resize._BAND", 1)  # one row of blocks at a time
    assert np.array_equal(reduced(pixels, (7, 10)), small)
    assert np.array_equal(reduced(turn(pixels, 90), (10, 7)), reduced(np.rot90(pixels), (10, 7)))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"size=\(0, 4\) must be at least 1 px on a side"):
        resize(noise(4, 4), (0, 4))
    with pytest.raises(ValueError, match="degrees=45 must be a multiple of 90; use rotate"):
        turn(noise(4, 4), 45)
    with pytest.raises(ValueError, match="degrees=nan must be finite"):
        rotate(noise(4, 4), float("nan"))
