"""A run of as many ranks as its first argument says; `test_ranks.py` starts it, and imports it.

python ranks_script.py RANKS EXAMPLES OUT
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from isotrope.data.stream import Group, GroupStream
from isotrope.training.engine import Engine
from isotrope.training.recipe import Recipe
from isotrope.training.task import GroupedTask

GROUP, PARTS = 8, 2


class Point:
    """A sample: numbers, and what they should become."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.extent = values, float(values[0])


class Pairs(GroupStream):
    """What two ranks see, for one: each batch is one of an even group and one of the next."""

    def group(self, number: int) -> Group:
        first, second = (super(Pairs, self).group(2 * number + i).batches for i in (0, 1))
        batches = [{"x": torch.cat([a["x"], b["x"]])} for a, b in zip(first, second, strict=True)]
        return Group(number, batches)

    def seen(self, groups: int) -> int:
        return 2 * super().seen(groups)

    def next_group(self, examples: int) -> int:
        return super().next_group(examples) // 2


class Points(GroupedTask):
    """Learns a sum of squares; writes the first number of every example that it sees to a file."""

    def __init__(self, out: Path, pairs: bool = False) -> None:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
        super().__init__(model, GROUP, PARTS)
        self.out, self.pairs, self.rank = out, pairs, 0

    def stream(self, start, rank, ranks):
        self.rank = rank
        if self.pairs:
            return Pairs(self.draw, self.collate, GROUP, PARTS, start=start)
        return super().stream(start, rank, ranks)

    def draw(self, rng):
        return Point(rng.normal(size=3).astype(np.float32))

    def collate(self, samples):
        return {"x": torch.from_numpy(np.stack([sample.values for sample in samples]))}

    def loss(self, model, batch):
        with (self.out / f"seen-{self.rank}.txt").open("a") as file:
            file.writelines(f"{value:.6f}\n" for value in batch["x"][:, 0].tolist())
        aim = batch["x"].square().sum(1, keepdim=True)
        return {"loss": (model(batch["x"]) - aim).square().mean()}

    def validate(self, model):
        with (self.out / "validated.txt").open("a") as file:
            file.write("once\n")
        return {"score": 0.0}

    def save(self, model, folder):
        folder.mkdir(exist_ok=True)


def train(ranks: int, examples: int, out: Path, pairs: bool = False, workers: int = 0) -> Engine:
    """Train, or train on, until so many examples were seen."""
    recipe = Recipe.model_validate(
        {
            "optimizer": {"learning_rate": 0.01},
            "schedule": {"examples": examples, "final": 1.0, "warmup": 0.0},
            "run": {"devices": ranks, "workers": workers, "precision": "32-true"},
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = Engine(Points(out, pairs), recipe, out)
        engine.fit()
    return engine


if __name__ == "__main__":
    train(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
