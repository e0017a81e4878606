"""The average of the weights: short at first, then as long as its decay says."""

import pytest
import torch
from torch import nn

from isotrope.training.average import WeightAverage


def follow(decay: float, values: list[float]) -> list[float]:
    """The averages of one weight that takes these values."""
    model, averages = nn.Linear(1, 1, bias=False), []
    average = WeightAverage(model, decay, torch.device("cpu"))
    for value in values:
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        averages.append(float(average.module.weight.detach()))
    return averages


def test_the_start_is_soon_forgotten():
    averages = follow(0.999, [0.0, *[1.0] * 60])
    assert averages[0] == 0.0
    assert averages[1] == pytest.approx(1 - 2 / 11)
    assert averages[20] > 0.999


def test_later_its_decay_holds():
    averages = follow(0.5, [1.0] * 20 + [0.0] * 3)
    assert averages[-3:] == pytest.approx([0.5, 0.25, 0.125])


def test_frozen_weights_keep_their_bits():
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, -0.0).requires_grad_(False)
    average = WeightAverage(model, 0.9, torch.device("cpu"))
    for _ in range(20):
        average.update_parameters(model)
    assert average.module.weight.signbit().item()
