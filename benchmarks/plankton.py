"""Train the plankton rows for equal time, and measure their accuracy at all angles.

    python benchmarks/plankton.py --data plankton.tar
    python benchmarks/plankton.py --data plankton.tar --seeds 0 --fractions 0.1 --rows vit gcsa-c4

Organisms in water have no up, so plain models must learn each of them in every direction. The rows
are the recipes of recipes/comparison/plankton: equal numbers of parameters, images turned by any
angle and slightly warped in training except in the rows -unturned. Each run gets the same training
time: --minutes with all images, 0.6 of it with 30% and 0.4 of it with 10%. The time of a training
step is measured once for each row on one core, in CPU time, so that other programs on the machine
do not matter, and is kept in runs/plankton/speed.json; it decides how many epochs a row gets.
Training images are drawn by the seed; the last weights are tested. The test images are read once,
after training.

A line for each run: accuracy on all test images upright, the mean over the four turns, and the mean
over 12 angles (on every third image); how far the quarter turns move the logits. A model without
symmetry has a second line, "at four turns", with its logits averaged over the four turns.

Runs are stored in runs/plankton and resumed there; finished ones are not repeated. Start the same
command once for each core (OMP_NUM_THREADS=1): they share the runs between them. After each run,
benchmarks/results/plankton-DATE.csv is written. `plankton_report.py` makes the table and figure.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean, median

import torch
from torch import nn

from isotrope.data.classification import LabeledImages, load_classification
from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.jobs.locking import locked
from isotrope.training.engine import Engine
from isotrope.training.evaluation import Preprocessing, evaluate, load_classifier, to_accelerator
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.classification_recipe import ClassificationRecipe
from measuring import recipes, write_csv
from runs import finished, run_once

RECIPES = Path(__file__).parents[1] / "recipes" / "comparison" / "plankton"
RUNS, SPEED = Path("runs/plankton"), "speed.json"
COLUMNS = ("row", "fraction", "seed")
"""Columns of the CSV that identify a run."""
SHARES = {1.0: 1.0, 0.3: 0.6, 0.1: 0.4}
"""Fractions of the training images, and their share of --minutes."""
ANGLES = range(0, 360, 30)
VALIDATIONS = 12
"""Number of validations in a run."""
Sets = dict[str, LabeledImages]


@dataclass(frozen=True)
class Run:
    """A recipe, a fraction of the training images and a seed."""

    recipe: Path
    fraction: float
    seed: int

    @property
    def folder(self) -> Path:
        """The run's folder, with a unique name."""
        return RUNS / f"{self.recipe.stem}-{round(100 * self.fraction)}-seed{self.seed}"

    def config(self, images: int, seconds: float, cost: float) -> ClassificationRecipe:
        """The recipe for as many epochs as fit.

        Args:
            images: Number of training images in the whole set.
            seconds: Training time.
            cost: Training time of an image.
        """
        count = round(self.fraction * images)
        epochs = round(seconds / cost / count, 2)
        changes = {"data.train_samples": count, "schedule.epochs": epochs}
        changes |= {"run.validate_epochs": round(epochs / VALIDATIONS, 3), "run.seed": self.seed}
        return load_recipe(ClassificationRecipe, self.recipe, changes)


def load(data: Path) -> Sets:
    """The splits of the set, fitted as the recipes say."""
    fit = load_recipe(ClassificationRecipe, RECIPES / "vit.toml", {}).data.fit
    return {split: load_classification(data, split, fit) for split in ("train", "valid", "test")}


def training_seconds(recipe: Path, sets: Sets, steps: int = 12) -> float:
    """The time in which a row trains on one image: CPU time on a CPU, the median of some steps."""
    config = load_recipe(ClassificationRecipe, recipe, {})
    task = config.task_on(sets["train"], sets["valid"])
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    model = task.model.to(accelerator or "cpu").train()
    optimizer = torch.optim.AdamW(model.parameters())
    clock = time.perf_counter if accelerator else time.process_time
    times = []
    for number in range(steps):
        started = clock()
        batch = task.finish(task.collate(torch.arange(config.data.batch_size), number))
        batch = {name: value.to(accelerator or "cpu") for name, value in batch.items()}
        task.loss(model, batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        if accelerator:
            torch.accelerator.synchronize()
        times.append((clock() - started) / config.data.batch_size)
    return median(times[2:])


def costs(chosen: list[Path], sets: Sets) -> dict[str, float]:
    """Seconds in which each row trains on one image, measured once, by one of the processes."""
    path = RUNS / SPEED
    while (lock := locked(RUNS / f"{SPEED}.lock")) is None:
        time.sleep(1)
    with lock:
        known = json.loads(path.read_text()) if path.is_file() else {}
        for recipe in chosen:
            if recipe.stem not in known:
                known[recipe.stem] = training_seconds(recipe, sets)
                print(f"{recipe.stem}: {1000 * known[recipe.stem]:.2f} ms an image", flush=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1))
    return known


def finish(run: Run, sets: Sets, minutes: float, cost: float) -> None:
    """Train and test a run unless it is finished, or another process has it.

    Raises:
        ValueError: The run was finished with a different recipe.
    """
    config = run.config(len(sets["train"]), 60 * minutes, cost)
    started = time.perf_counter()

    def work() -> Iterator[dict]:
        engine = Engine(config.task_on(sets["train"], sets["valid"]), config, run.folder)
        engine.fit()
        return tested(run, engine, sets["test"], minutes, cost)

    if rows := run_once(run.folder, config, work):
        scores = ", ".join(f"{100 * row['accuracy']:.1f}% {row['read']}" for row in rows)
        print(f"{run.folder.name}: {scores}, {time.perf_counter() - started:.0f} s", flush=True)


def tested(
    run: Run, engine: Engine, test: LabeledImages, minutes: float, cost: float
) -> Iterator[dict]:
    """Yield the line of a run, and another at four turns if the model has no symmetry."""
    model, preprocessing = load_classifier(run.folder / "model")
    to_accelerator(model)
    common = {
        "row": run.recipe.stem,
        "fraction": run.fraction,
        "seed": run.seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "images": engine.task.epoch,
        "ms_an_image": round(1000 * cost, 3),
        "minutes": round(minutes, 4),
        "epochs": engine.recipe.schedule.epochs,
        "valid_accuracy": engine.kept["valid_accuracy"],
    }
    symmetric = model.config.group != "C1" or model.config.frame
    for average, read in ((1, "once"),) if symmetric else ((1, "once"), (4, "at four turns")):
        yield common | {"read": read} | turned_scores(model, test, preprocessing, average)


def turned_scores(
    model: nn.Module, test: LabeledImages, preprocessing: Preprocessing, average: int
) -> dict[str, float]:
    """Accuracies upright, at the four turns and at all angles, and how far quarter turns move."""
    third = test.take(torch.arange(0, len(test), 3))
    four = evaluate(model, test, preprocessing, TURNS, average=average)
    every = evaluate(model, third, preprocessing, ANGLES, average=average)
    return {
        "accuracy": four[0].accuracy,
        "four_turns": mean(score.accuracy for score in four.values()),
        "all_angles": mean(score.accuracy for score in every.values()),
        "moved": max(score.difference for score in four.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="plankton.tar, or its folder")
    known = {path.stem: path for path in recipes(RECIPES)}
    parser.add_argument("--rows", nargs="*", choices=list(known), default=list(known))
    parser.add_argument("--fractions", type=float, nargs="*", default=list(SHARES))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=10, help="of training with all images")
    arguments = parser.parse_args()
    if unknown := set(arguments.fractions) - set(SHARES):
        parser.error(f"--fractions {unknown}: use some of {', '.join(map(str, SHARES))}")
    chosen = [path for name, path in known.items() if name in arguments.rows]
    RUNS.mkdir(parents=True, exist_ok=True)
    sets = load(arguments.data)
    measured = costs(chosen, sets)
    for seed, fraction, recipe in product(arguments.seeds, arguments.fractions, chosen):
        run, minutes = Run(recipe, fraction, seed), arguments.minutes * SHARES[fraction]
        finish(run, sets, minutes, measured[recipe.stem])
        if lines := finished(RUNS):
            write_csv("plankton", lines, COLUMNS)


if __name__ == "__main__":
    main()
