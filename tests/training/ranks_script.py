"""A run of as many ranks as its first argument says; `test_ranks.py` starts it, and imports it.

python ranks_script.py RANKS EXAMPLES OUT [FIELD=VALUE ...]

The fields are those of `run` in a recipe; `die=N` kills rank 1 when it has seen N examples.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from isotrope.training.engine import Engine
from isotrope.training.recipe import Recipe
from isotrope.training.task import GroupedTask

GROUP, PARTS = 8, 2


class Point:
    """A sample: numbers, and what they should become."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.extent = values, float(values[0])


class Points(GroupedTask):
    """Learns a sum of squares; writes the first number of every example that it sees to a file."""

    def __init__(self, out: Path, die: int | None = None) -> None:
        torch.manual_seed(0)
        # No bias before a norm: its gradient is 0, and AdamW would make steps of the rounding.
        first = nn.Sequential(
            nn.Linear(3, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2)
        )
        super().__init__(nn.Sequential(first, nn.Linear(8, 1)), GROUP, PARTS)
        self.out, self.rank, self.die, self.seen = out, 0, die, 0

    def stream(self, start, rank, ranks):
        self.rank = rank
        return super().stream(start, rank, ranks)

    def blocks(self, model):
        return [model[0]]

    def draw(self, rng):
        return Point(rng.normal(size=3).astype(np.float32))

    def collate(self, samples):
        return {"x": torch.from_numpy(np.stack([sample.values for sample in samples]))}

    def loss(self, model, batch):
        self.seen += len(batch["x"])
        if self.rank == 1 and self.die is not None and self.seen > self.die:
            os.kill(os.getpid(), signal.SIGKILL)
        with (self.out / f"seen-{self.rank}.txt").open("a") as file:
            file.writelines(f"{value:.6f}\n" for value in batch["x"][:, 0].tolist())
        aim = batch["x"].square().sum(1, keepdim=True)
        losses = {"loss": (model(batch["x"]) - aim).square().mean()}
        # A loss that only one of two ranks has.
        return losses | ({"odd": losses["loss"].detach()} if self.rank == 1 else {})

    def validate(self, model):
        with (self.out / "validated.txt").open("a") as file:
            file.write("once\n")
        with torch.no_grad():
            return {"score": -float(model(torch.ones(1, 3)) ** 2)}

    def save(self, model, folder):
        folder.mkdir(exist_ok=True)
        torch.save(model.state_dict(), folder / "weights.pt")


def train(ranks: int, examples: int, out: Path, die: int | None = None, **run) -> Engine:
    """Train, or train on, until so many examples were seen."""
    recipe = Recipe.model_validate(
        {
            "optimizer": {"learning_rate": 0.01},
            "schedule": {"examples": examples, "final": 1.0, "warmup": 0.0},
            "run": {"devices": ranks, "workers": 0, "precision": "32-true", "save_minutes": 0}
            | run,
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = Engine(Points(out, die), recipe, out)
        engine.fit()
    return engine


if __name__ == "__main__":
    fields = dict(field.split("=") for field in sys.argv[4:])
    dies = int(fields.pop("die")) if "die" in fields else None
    train(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), dies, **fields)
