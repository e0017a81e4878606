"""Equivariant U-Nets against plain ones on nuclei: the instances, and what turns do to them.

    python benchmarks/nuclei.py --data NUCLEI                      # every row, seeds 0 to 2
    python benchmarks/nuclei.py --data NUCLEI --rows d4 --seeds 0  # one run
    python benchmarks/nuclei.py --speed                            # the time of a training step

NUCLEI is a folder or tar of `train|valid/images|labels`. All rows have about 225,000 parameters and
see the same number of windows with the recipe recipes/nuclei-d4.toml. Each sixth training image
validates; the split `valid` is the test, on which nothing is chosen. Each image is tested at all
four turns, and mirrored. A U-Net trained with turns and mirrors is tested again with two
substitutes for equivariance: its maps averaged over the eight, at eight times its cost, and the
least of the eight copies of the image read instead (`canonically`), at its own cost.

Runs are stored in runs/nuclei and resumed there if interrupted; finished runs are not repeated.
Start the same command in several processes: they share the runs between them. After each run,
benchmarks/results/nuclei-DATE.csv is written with all runs finished here and those of the newest
CSV, a line for each. `nuclei_report.py` makes the table and the picture.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import nn

from isotrope.data.instances import LabeledInstances, load_instances
from isotrope.groups import DihedralGroup
from isotrope.models.instances import maps_of, segment, turned_labels
from isotrope.models.segmenter import Segmenter
from isotrope.training.engine import Engine
from isotrope.training.instance_scores import aggregated_jaccard, average_precision, overlaps
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.segmentation import SegmentationTask
from isotrope.training.tasks.segmentation_recipe import SegmentationRecipe
from measuring import milliseconds, write_csv
from runs import finished, run_once
from unet import UNet

RUNS, SPEED = Path("runs/nuclei"), "nuclei-speed"
RECIPE = Path(__file__).parents[1] / "recipes" / "nuclei-d4.toml"
D4 = DihedralGroup(4)
CHANNELS = 11
"""Channels of the U-Net at full resolution, for 228,604 parameters."""
ROWS: dict[str, dict[str, Any]] = {
    "d4": {},
    "c4": {
        "model.group": "C4",
        **{f"model.stages.{stage}.dim": dim for stage, dim in enumerate((10, 20, 36, 42))},
        "model.stages.3.depth": 1,
    },
    "unet": {},
    "unet-mirrors": {"data.augment": "mirrors"},
}
"""The changes of the recipe for each row."""


class Averaged(nn.Module):
    """The mean of a network's maps over the eight turned and mirrored copies of an image."""

    group = D4

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network, self.unit = network, network.unit

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        back = D4.inverse
        maps = [D4.act_image(back(g), self.network(D4.act_image(g, image))) for g in D4.elements]
        return torch.stack(maps).mean(0)


def recipe_of(row: str, seed: int) -> SegmentationRecipe:
    return load_recipe(SegmentationRecipe, RECIPE, {**ROWS[row], "run.seed": seed})


def finish(row: str, seed: int, data: Path, test: Sequence[LabeledInstances]) -> None:
    """Train and test a run unless it is finished, or another process has it.

    Raises:
        ValueError: The run was finished with a different recipe.
    """
    recipe, folder = recipe_of(row, seed), RUNS / f"{row}-{seed}"

    def work() -> Iterator[dict]:
        engine = Engine(task_of(row, recipe, data), recipe, folder)
        engine.fit()
        common = {
            "seed": seed,
            "examples": engine.examples,
            "minutes": round(engine.seconds / 60, 1),
            "valid_ap": engine.kept["ap"],
        }
        for name, model in models(row, seed):
            yield {"row": name} | common | tested(model, test)

    for line in run_once(folder, recipe, work):
        print(f"{line['row']}-{seed}: AP {line['ap50']:.3f}, same {line['same']:.3f}", flush=True)


def task_of(row: str, recipe: SegmentationRecipe, data: Path) -> SegmentationTask:
    """The task of a row: the recipe's, with a U-Net in place of its model in the rows "unet"."""
    if not row.startswith("unet"):
        return recipe.task(data)
    torch.manual_seed(recipe.run.seed)
    return recipe.task_of(UNet(CHANNELS), data)


def models(row: str, seed: int) -> Iterator[tuple[str, Any]]:
    """The trained model of a run, and what else is tested of it."""
    folder = RUNS / f"{row}-{seed}" / "model"
    if not row.startswith("unet"):
        yield row, Segmenter.from_pretrained(folder)
        return
    model = UNet(CHANNELS)
    model.load_state_dict(torch.load(folder / "weights.pt"))
    yield row, model.eval()
    if "mirrors" in row:
        yield f"{row}, averaged over 8", Averaged(model).eval()
        least = copy.deepcopy(model)
        least.group = D4
        yield f"{row}, least copy", least


def step_milliseconds() -> dict[str, float]:
    """The time in which each row passes forward and backward through a batch, timed in turn."""
    windows = torch.rand(8, 3, 128, 128)
    recipes = {row: recipe_of(row, 0).model for row in ("d4", "c4")}
    networks = {row: model.segmenter() for row, model in recipes.items()} | {"unet": UNet(CHANNELS)}
    steps = {
        row: lambda network=network: network(windows).square().mean().backward()
        for row, network in networks.items()
    }
    return milliseconds(steps)


def tested(model: Any, test: Sequence[LabeledInstances]) -> dict[str, float]:
    """The scores upright and as means over the other seven, and how much the instances differ.

    `same`: the share of images whose instances are the same pixels at all eight. `agreement`: the
    AJI of the turned instances with the upright ones. `moved`: how far the maps move without
    `canonically`, relative to the largest, in the first ten images.
    """
    upright, turned, same, agreement = [], [], [], []
    for each in test:
        found = segment(model, each.pixels)
        upright.append(scores(each.labels, found))
        alike = True
        for h in D4.elements[1:]:
            copy = segment(model, D4.act_image(h, each.pixels))
            back = turned_labels(D4.inverse(h), copy)
            turned.append(scores(each.labels, back))
            agreement.append(aggregated_jaccard(found, back))
            alike = alike and identical(found, back)
        same.append(alike)
    names = ("ap50", "ap", "aji")
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "images": len(test),
        **dict(zip(names, np.mean(upright, 0).round(4).tolist(), strict=True)),
        **{
            f"{n}_turned": v
            for n, v in zip(names, np.mean(turned, 0).round(4).tolist(), strict=True)
        },
        "same": round(mean(same), 4),
        "agreement": round(mean(agreement), 4),
        "moved": max(moved(model, each.pixels) for each in test[:10]),
    }


def scores(true: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    precisions = average_precision(true, found)
    return precisions[0], mean(precisions), aggregated_jaccard(true, found)


def identical(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether both have the same instances, whatever their numbers."""
    shared, union = overlaps(one, other)
    return bool(shared.shape[0] == shared.shape[1] == (shared == union).sum())


def moved(model: Any, image: torch.Tensor) -> float:
    maps = maps_of(model, image)
    errors = [
        (maps_of(model, D4.act_image(h, image)) - D4.act_image(h, maps)).abs().max()
        for h in (1, 2, 3)  # the quarter turns
    ]
    return float(f"{max(errors) / maps.abs().max():.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    if arguments.speed:
        times = step_milliseconds()
        write_csv(SPEED, [{"row": row, "ms": round(ms, 1)} for row, ms in times.items()])
        return
    if arguments.data is None:
        parser.error("--data is needed for this")
    test = load_instances(arguments.data, "valid")
    for seed in arguments.seeds:
        for row in arguments.rows:
            finish(row, seed, arguments.data, test)
            if lines := finished(RUNS):
                write_csv("nuclei", lines, ("row", "seed"))


if __name__ == "__main__":
    main()
