"""The losses at the places of the characters: which tokens and which weights they look at."""

import pytest
import torch

from isotrope.text.tokens import EOS, SPECIAL
from isotrope.training.alignment import FINE, AlignmentLoss, Seen, columns_loss

SPACE, A, B = SPECIAL, SPECIAL + 1, SPECIAL + 2
CENTERS = torch.tensor([[[0.1, 0.2], [0.9, 0.2], [0, 0]]])
GRID = (2, 3)


def perfect(known: bool, orientation: int = 0, cells=((0, A), (2, B)), space: int = SPACE):
    """The losses of tokens and attention that say exactly where "a" and "b" stand."""
    characters = torch.zeros(1, 24, 8)
    characters[..., 0] = 50.0
    attention = torch.full((1, 1, 3, 24), 1e-6)
    for t, (cell, label) in enumerate(cells):
        at = orientation * 6 + cell
        characters[0, at] = 0.0
        characters[0, at, label] = 50.0
        attention[0, 0, t, at] = 1.0
    loss = AlignmentLoss(dim=4, order=4, space=space)
    seen = Seen(torch.zeros(1, 24, 4), characters, attention, GRID)
    labels, centers = torch.tensor([[A, B, EOS]]), (CENTERS * FINE).round().int()
    return loss(seen, labels, centers, torch.tensor([known]))


def test_the_right_tokens_at_the_identity_cost_nothing():
    losses = perfect(True)
    assert losses["dense"] < 1e-3
    assert losses["look"] < 1e-3


def test_the_right_tokens_at_another_orientation_cost_much():
    losses = perfect(True, orientation=1)
    assert losses["dense"] > 1
    assert losses["look"] > 1


def test_of_an_image_without_known_places_the_order_of_its_characters_is_asked_for():
    losses = perfect(False)
    assert losses["dense"] == losses["order"] == losses["look"] == 0
    assert losses["ctc"] < 1e-3
    assert perfect(True)["ctc"] == 0  # its places are known


def test_characters_read_in_another_orientation_or_order_cost_much():
    assert perfect(False, orientation=1)["ctc"] > 1
    assert perfect(False, cells=((2, A), (0, B)))["ctc"] > 1


@pytest.mark.parametrize("space", [SPACE, A, B])
def test_the_models_own_space_leaves_no_ink(space):
    """Wherever the charset has it: the columns say nothing of it, and of all else something."""
    inked = tuple(cell for cell in ((0, A), (2, B)) if cell[1] != space)
    assert perfect(False, cells=inked, space=space)["ctc"] < 1e-3
    assert perfect(True, cells=inked, space=space)["dense"] < 1e-3


def test_more_characters_than_columns_cost_nothing():
    labels, characters = torch.tensor([[A, B, EOS]]), torch.randn(1, 4, 8)
    assert columns_loss(characters, labels, (1, 1), SPACE) == 0
