"""Losses of a detector's maps."""

import math

import pytest
import torch

from isotrope.training.detection_losses import arrow_loss, height_loss, map_loss


def cross(rows=32):
    target = torch.zeros(1, rows, 32)
    target[:, 8:12, 4:28] = 1
    return target


def test_a_right_map_has_no_loss():
    target = cross()
    right = 40 * (target - 0.5)
    known = torch.ones_like(target)
    assert map_loss(right, target, known, 2, 0.25) < 0.01
    assert map_loss(-right, target, known, 2, 0.25) > 5


def test_what_is_not_known_does_not_count():
    target, known = cross(), torch.ones(1, 32, 32)
    known[:, 20:] = 0
    logits = 40 * (target - 0.5)
    logits[:, 20:] = 40
    assert map_loss(logits, target, known, 2, 0.25) < 0.01


def test_blank_paper_weighs_less_than_what_is_close_to_text():
    target, known = cross(), torch.ones(1, 32, 32)
    close, far = (40 * (target - 0.5) for _ in range(2))
    close[:, 13, 10] = 0
    far[:, 25, 10] = 0
    right = map_loss(40 * (target - 0.5), target, known, 2, 1e-3)
    near, away = (map_loss(each, target, known, 2, 1e-3) - right for each in (close, far))
    assert near > 1.5 * away > 0  # the Dice loss is the same


def test_a_map_without_text_has_a_loss():
    nothing = torch.zeros(2, 16, 16)
    logits = torch.zeros(2, 16, 16, requires_grad=True)
    loss = map_loss(logits, nothing, torch.ones_like(nothing), 2, 0.25)
    assert loss.item() == pytest.approx(0.25 * math.log(2) * 512 / 128 + 1 - 1 / 129, rel=1e-4)
    loss.backward()
    assert (logits.grad > 0).all()


def test_arrows_and_heights_count_within_cores_alone():
    arrow, height = torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4)
    arrow[:, 0, 1], height[:, 1] = 1, 3
    assert arrow_loss(arrow + 5 * (arrow.sum(1, keepdim=True) == 0), arrow) == 0
    assert height_loss(height + 5 * (height == 0), height) == 0
    assert arrow_loss(-arrow, arrow) == 4
    assert height_loss(height + 0.5, height) == 0.5
    assert arrow_loss(arrow, torch.zeros_like(arrow)) == 0
    assert height_loss(height, torch.zeros_like(height)) == 0
