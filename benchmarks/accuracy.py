"""Train the papers' rows from their recipes and measure their accuracy.

    python benchmarks/accuracy.py rows    --recipes recipes/comparison/rotmnist --data ROTATED_MNIST
    python benchmarks/accuracy.py samples --recipes recipes/comparison/rotmnist --data ROTATED_MNIST
    python benchmarks/accuracy.py angles  --recipes recipes/comparison/rotmnist --data MNIST

`rows` trains the recipes on all images, `samples` on 100 and 1,000, `angles` on 10,000 upright
ones, each with and without turning the images unless --augments is given. In `samples` and `angles`
every run sees the same number of images. All are tested upright, `rows` also at the other turns and
at 45 degrees, `angles` at 0, 10, ... 350 degrees, on the first images of the test set (column
`images` of the CSV). A plain ViT (C1) is tested again with its logits averaged over four turns.

Runs are stored in runs/accuracy and resumed there if interrupted; finished runs are not repeated.
The same command started several times shares the runs between the processes.
After each run, benchmarks/results/STUDY-SET-DATE.csv is written with all runs finished here and
those of the newest CSV: a line for each test angle.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import torch

from isotrope.data.classification import LabeledImages, load_classification
from isotrope.groups import TURNS
from isotrope.training.engine import Engine
from isotrope.training.evaluation import evaluate, load_classifier, to_accelerator
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.classification_recipe import ClassificationRecipe
from measuring import recipes, write_csv
from runs import finished, run_once

RUNS = Path("runs/accuracy")
COLUMNS = ("row", "augment", "train_samples", "seed")
"""Columns of the CSV that identify a run."""
SIZES = {"rows": (None,), "samples": (100, 1_000), "angles": (10_000,)}
"""Numbers of training images; `None` means all, for the recipe's duration."""
TESTS = {
    "rows": {50_000: (0,), 5_000: (45, *TURNS)},
    "samples": {10_000: (0,)},
    "angles": {10_000: (0,), 600: tuple(range(0, 360, 10))},
}
"""How many of the first test images to use, and at which angles."""


@dataclass(frozen=True)
class Run:
    """A recipe with its study's changes."""

    study: str
    recipe: Path
    changes: dict[str, object] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The run's folder, with a unique name."""
        changes = (f"{name.split('.')[-1]}={value}" for name, value in self.changes.items())
        return RUNS / self.study / self.recipe.parent.name / "-".join((self.recipe.stem, *changes))

    def config(self) -> ClassificationRecipe:
        return load_recipe(ClassificationRecipe, self.recipe, self.changes)


def runs(arguments: argparse.Namespace) -> Iterator[Run]:
    """Yield the runs of a study: the first seed of every recipe, then the second, and so on."""
    chosen = recipes(arguments.recipes)
    if arguments.rows:
        chosen = [path for path in chosen if path.stem in arguments.rows]
    for seed, recipe, size, augment in product(
        arguments.seeds, chosen, SIZES[arguments.study], arguments.augments
    ):
        changes = {"data.augment": augment, "run.seed": seed}
        if size is not None:  # ten validations for any size
            epochs = max(1, arguments.seen // size)
            changes |= {"data.train_samples": size, "schedule.epochs": epochs}
            changes |= {"run.validate_epochs": max(1, epochs // 10), "schedule.warmup": 0.1}
        yield Run(arguments.study, recipe, changes)


def finish(run: Run, data: Path, test: LabeledImages) -> None:
    """Train and test a run unless it is finished, or another process has it.

    Raises:
        ValueError: The run was finished with a different recipe.
    """
    config, started = run.config(), time.perf_counter()

    def work() -> Iterator[dict]:
        engine = Engine(config.task(data), config, run.folder)
        engine.fit()
        return tested(run, engine, test)

    if rows := run_once(run.folder, config, work):
        upright = " ".join(f"{100 * row['accuracy']:.2f}%" for row in rows if row["angle"] == 0)
        print(f"{run.folder}: {upright}, {time.perf_counter() - started:.0f} s", flush=True)


def tested(run: Run, engine: Engine, test: LabeledImages) -> Iterator[dict]:
    """Yield a line for each test angle of a run; a plain ViT is tested twice."""
    model, preprocessing = load_classifier(run.folder / "model")
    to_accelerator(model)
    recipe = engine.recipe
    common = {
        "augment": recipe.data.augment,
        "train_samples": engine.task.epoch,
        "epochs": f"{recipe.schedule.epochs:g}",
        "seed": recipe.run.seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "hours": engine.rows[-1]["hours"],
        "valid_accuracy": engine.kept["valid_accuracy"],
    }
    # If the set is smaller than both counts, the second test uses all of it, including upright.
    tests = {min(len(test), count): angles for count, angles in TESTS[run.study].items()}
    for average in (1, 4) if model.group.order == 1 else (1,):
        row = {"set": run.recipe.parent.name, "row": run.recipe.stem} | common
        row["row"] += ", 4 turns averaged" if average > 1 else ""
        for count, angles in tests.items():
            images = test.take(torch.arange(count))
            scores = evaluate(model, images, preprocessing, angles, average=average)
            for angle, score in scores.items():
                values = {"images": count, "angle": angle, "accuracy": score.accuracy}
                yield row | values | {"difference": score.difference}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", choices=list(TESTS))
    parser.add_argument("--recipes", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", nargs="*", help="some of the recipes, by name")
    parser.add_argument("--augments", nargs="*", default=["none", "angles"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--seen", type=int, default=20_000)
    arguments = parser.parse_args()
    test = load_classification(arguments.data, "test")
    for run in runs(arguments):
        finish(run, arguments.data, test)
        study = run.folder.parent
        if lines := finished(study):
            write_csv(f"{arguments.study}-{study.name}", lines, COLUMNS)


if __name__ == "__main__":
    main()
