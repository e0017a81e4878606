"""Moves: nothing for zeros, a shift for constants, and small in sum."""

import torch

from isotrope.data.augment import warp
from isotrope.data.augment.warp import curves, moved, perspective


def test_zeros_move_nothing_and_constants_shift():
    images = torch.rand(1, 2, 20, 30)
    moves = torch.zeros(1, 2, 20, 30)
    assert torch.allclose(moved(images, moves), images, atol=1e-5)
    moves[:, 0] = 3 / 20  # three pixels, in heights
    assert torch.allclose(moved(images, moves)[..., :27], images[..., 3:], atol=1e-5)


def test_moves_are_smaller_than_a_seventh_of_the_height():
    generator = torch.Generator().manual_seed(0)
    for moves in (perspective(generator, 200, (24, 70)), curves(generator, 200, (24, 70))):
        assert float(moves.abs().max()) < 1 / 7


def test_a_line_in_the_middle_stays_near_it():
    images = torch.zeros(64, 3, 40, 120)
    images[:, :, 19:21] = 1
    warped = warp(images, torch.Generator().manual_seed(0))
    rows = (warped.mean((1, 3)) * torch.arange(40)).sum(1) / warped.mean((1, 3)).sum(1)
    assert float((rows - 19.5).abs().max()) < 4
