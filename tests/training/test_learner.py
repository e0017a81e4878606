"""The learner: the gradient of a step, and the state that it goes on from."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.stream import EpochStream
from isotrope.training.learner import Learner
from isotrope.training.ranks import make_fabric
from isotrope.training.recipe import Recipe
from isotrope.training.task import Task

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


class Squares(Task):
    """Learns a sum of squares."""

    def __init__(self, dropout):
        torch.manual_seed(0)
        first = nn.Linear(3, 4)
        self.model = nn.Sequential(first, nn.Tanh(), nn.Dropout(dropout), nn.Linear(4, 1))

    def stream(self, start, rank, ranks):
        return EpochStream(8, 4, lambda numbers, number: None)

    def loss(self, model, batch):
        return {"loss": (model(batch) - batch.square().sum(1, keepdim=True)).square().mean()}

    def validate(self, model):
        return {"score": 0.0}

    def save(self, model, folder):
        pass


def learner(dropout: float = 0.0) -> Learner:
    recipe = Recipe.model_validate({"run": {"precision": "64-true", "devices": 1}})
    return Learner(Squares(dropout), recipe, make_fabric(recipe.run))


def weights(made: Learner) -> dict[str, torch.Tensor]:
    return copy.deepcopy(made.task.model.state_dict())


def test_batches_of_a_step_count_as_one_batch():
    batches = torch.randn(3, 4, 3, dtype=torch.float64)
    several, one = learner(), learner()
    losses = several.update(list(batches), 1e-2)
    whole = one.update([batches.flatten(0, 1)], 1e-2)
    torch.testing.assert_close(losses, whole)
    torch.testing.assert_close(weights(several), weights(one), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        several.optimizer.state_dict()["state"], one.optimizer.state_dict()["state"]
    )


def test_what_a_model_draws_goes_by_the_seed_of_each_batch():
    """So it is the same whichever rank takes the batch, and in whatever order."""
    batches = list(torch.randn(3, 4, 3, dtype=torch.float64))
    made = [learner(dropout=0.5) for _ in range(3)]
    made[0].update(batches, 1e-2, seeds=[1, 2, 3])
    made[1].update(batches[::-1], 1e-2, seeds=[3, 2, 1])
    made[2].update(batches, 1e-2, seeds=[1, 2, 4])
    same, turned, other = (each.optimizer.state_dict()["state"][0]["exp_avg"] for each in made)
    torch.testing.assert_close(same, turned, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(same, other)


def test_a_loss_in_32_bits_trains_a_model_in_64():
    made = learner()
    loss = made.task.loss
    made.task.loss = lambda model, batch: loss(model, batch.float())
    made.update([torch.randn(4, 3)], 1e-2)
    assert {value.dtype for value in weights(made).values()} == {torch.float64}


def test_a_state_goes_on_as_if_it_had_not_stopped():
    batches = torch.randn(2, 4, 3, dtype=torch.float64)
    first, second = learner(), learner()
    first.update(batches[:1], 1e-2)
    second.restore(copy.deepcopy(first.state()))
    for made in (first, second):
        made.update(batches[1:], 1e-2)
    assert first.state().keys() == {"model", "average", "optimizer"}
    for name, value in weights(first).items():
        assert torch.equal(weights(second)[name], value)
        assert torch.equal(
            second.averaged().state_dict()[name], first.averaged().state_dict()[name]
        )
