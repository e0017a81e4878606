"""The losses at the places of the characters: which tokens and which weights they look at."""

import numpy as np
import torch

from isotrope.text.tokens import EOS, SPECIAL
from isotrope.training.alignment import AlignmentLoss
from isotrope.training.batches import Batch

A, B = SPECIAL + 1, SPECIAL + 2


def one_image(centers) -> Batch:
    """A 2 x 3 grid of tokens at stride 8."""
    return Batch(torch.zeros(1, 3, 16, 24), ["ab"], [np.array(centers, np.float32)], 1)


def perfect(batch: Batch, orientation: int = 0, cells=((0, A), (2, B))):
    """Characters of tokens and attention that say exactly where "a" and "b" stand."""
    characters = torch.zeros(1, 24, 8)
    characters[..., 0] = 50.0
    attention = torch.full((1, 1, 3, 24), 1e-6)
    for t, (cell, label) in enumerate(cells):
        at = orientation * 6 + cell
        characters[0, at] = 0.0
        characters[0, at, label] = 50.0
        attention[0, 0, t, at] = 1.0
    loss = AlignmentLoss(dim=4, order=4)
    labels = torch.tensor([[A, B, EOS]])
    return loss(torch.zeros(1, 24, 4), characters, attention, labels, batch, stride=8)


def test_the_right_tokens_at_the_identity_cost_nothing():
    losses = perfect(one_image([(0.1, 0.2), (0.9, 0.2)]))
    assert losses["dense"] < 1e-3
    assert losses["look"] < 1e-3


def test_the_right_tokens_at_another_orientation_cost_much():
    losses = perfect(one_image([(0.1, 0.2), (0.9, 0.2)]), orientation=1)
    assert losses["dense"] > 1
    assert losses["look"] > 1


def test_of_an_image_without_known_places_the_order_of_its_characters_is_asked_for():
    losses = perfect(one_image(np.zeros((0, 2))))
    assert losses["dense"] == losses["order"] == losses["look"] == 0
    assert losses["ctc"] < 1e-3
    assert perfect(one_image([(0.1, 0.2), (0.9, 0.2)]))["ctc"] == 0  # its places are known


def test_characters_read_in_another_orientation_or_order_cost_much():
    unknown = one_image(np.zeros((0, 2)))
    assert perfect(unknown, orientation=1)["ctc"] > 1
    assert perfect(unknown, cells=((2, A), (0, B)))["ctc"] > 1


def test_more_characters_than_columns_cost_nothing():
    narrow = Batch(torch.zeros(1, 3, 8, 8), ["ab"], [np.zeros((0, 2))], 1)
    loss = AlignmentLoss(dim=4, order=4)
    labels, tokens = torch.tensor([[A, B, EOS]]), torch.zeros(1, 4, 4)
    characters, attention = torch.randn(1, 4, 8), torch.zeros(1, 1, 3, 4)
    losses = loss(tokens, characters, attention, labels, narrow, stride=8)
    assert losses["ctc"] == 0
