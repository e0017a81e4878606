"""Random turns and warps of images: exact at quarter turns, drawn by the generator, bounded."""

import math

import pytest
import torch

from isotrope.training.augmentation import SCALE, SHEAR, SHIFT, augmented, turned


def test_warp_says_how_far_images_are_warped():
    images = torch.rand(4, 1, 12, 12)

    def drawn(kind, warp):
        return augmented(images, kind, torch.Generator().manual_seed(0), 0.0, warp)

    strong, weak, turned_only = (drawn("elastic", warp) for warp in (1.0, 0.1, 0.0))
    assert torch.equal(turned_only, drawn("affine", 0.0)), "neither has anything but the turn"
    assert (weak - turned_only).norm() < (strong - turned_only).norm() / 3


def test_turning_by_quarters_is_exact_and_counter_clockwise():
    images = torch.rand(4, 2, 6, 6)
    by_angles = turned(images, torch.arange(4) * math.pi / 2)
    by_quarters = torch.stack([torch.rot90(x, k, (1, 2)) for k, x in enumerate(images)])
    torch.testing.assert_close(by_angles, by_quarters, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["turns", "angles", "affine", "elastic"])
def test_each_image_is_turned_as_its_own_draw_says(kind):
    images = torch.rand(1, 1, 6, 6).expand(64, -1, -1, -1)
    first, again = (augmented(images, kind, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert len(first.flatten(1).unique(dim=0)) == (4 if kind == "turns" else 64)


def test_a_turn_of_a_plain_image_leaves_no_black_corners():
    images = torch.full((1, 3, 8, 12), 0.7)
    torch.testing.assert_close(turned(images, torch.tensor([0.8])), images)


def test_warping_keeps_a_blob_in_the_middle_near_it_and_its_size_within_bounds():
    images = torch.zeros(1, 1, 40, 60)
    images[..., 16:24, 26:34] = 1.0
    warped = augmented(images.expand(500, -1, -1, -1), "affine", torch.Generator().manual_seed(0))
    mass = warped.sum((1, 2, 3))
    rows, columns = torch.arange(40.0) - 19.5, torch.arange(60.0) - 29.5
    down = (warped.sum((1, 3)) @ rows) / mass
    across = (warped.sum((1, 2)) @ columns) / mass
    low, high = 1 - SCALE, 1 + SCALE
    assert low**2 * 64 * 0.97 < mass.min() < (low + 0.03) ** 2 * 64
    assert (high - 0.03) ** 2 * 64 < mass.max() < high**2 * 64 * 1.03
    furthest = SHIFT * 60 * high * math.sqrt(2) * (1 + SHEAR)  # shifts are warped too
    assert 1.0 < down.abs().max() < furthest
    assert 1.0 < across.abs().max() < furthest


def test_without_shifts_a_blob_in_the_middle_stays_there():
    images = torch.zeros(1, 1, 40, 60)
    images[..., 16:24, 26:34] = 1.0
    generator = torch.Generator().manual_seed(0)
    warped = augmented(images.expand(100, -1, -1, -1), "affine", generator, shift=0.0)
    rows, columns = torch.arange(40.0) - 19.5, torch.arange(60.0) - 29.5
    assert (warped.sum((1, 3)) @ rows / warped.sum((1, 2, 3))).abs().max() < 1e-3
    assert (warped.sum((1, 2)) @ columns / warped.sum((1, 2, 3))).abs().max() < 1e-3


def test_quarter_turns_need_square_images():
    with pytest.raises(ValueError, match=r"augment='turns' needs square images, .* 12x8 px"):
        augmented(torch.rand(2, 1, 8, 12), "turns", torch.Generator())
