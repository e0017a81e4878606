"""Measure runtime, memory and FLOPs of the papers' rows in one run.

    python benchmarks/runtime.py [--passes 7]

Rows are the recipes of recipes/comparison and, as "96 px", the presets for images of 96 px, which
are about as large as the paper's public code. Forward passes of 32 images in inference mode, all
models of a set timed in turn; training steps likewise. A plain ViT (C1) is timed at four turns too,
and a GSA-Net with MLP positions in the literal form of [RC] too, which sums over the queries of
every orientation ("..., summed"). Writes benchmarks/results/runtime-DATE.csv; on a GPU, in bf16,
runtime-gpu-DATE.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from isotrope import EquivariantViT, EquivariantViTConfig, Stage
from isotrope.models.presets import preset
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.classification_recipe import ClassificationRecipe
from measuring import device, gigaflops, milliseconds, peak_megabytes, recipes, write_csv
from rivals import FourTurns
from speed import training_step

SHAPES = {"rotmnist": (1, 28, 10), "histology": (3, 96, 3), "96 px": (3, 96, 2)}
"""Channels, side length and number of classes of each set."""
PRESETS = [
    ("gcsa", "C4"),
    ("gcsa", "C8"),
    ("gcsa", "D4"),
    ("gsa-rotary", "C4"),
    ("gsa-mlp", "C4"),
    ("cnn", "C4"),
    ("cnn", "D4"),
    ("vit", "C1"),
]
BATCH = 32


def configs(kind: str) -> Iterator[tuple[str, EquivariantViTConfig]]:
    """Yield the rows of one set with their names."""
    channels, side, classes = SHAPES[kind]
    if kind == "96 px":
        for name, group in PRESETS:
            row = name if group == "C1" else f"{name}-{group.lower()}"
            yield row, preset(name, side, group, in_channels=channels, classes=classes)
        return
    for path in recipes(Path("recipes/comparison") / kind):
        recipe = load_recipe(ClassificationRecipe, path)
        yield path.stem, recipe.model.vit(channels, classes)


def models(kind: str) -> Iterator[tuple[str, nn.Module]]:
    for row, config in configs(kind):
        model = EquivariantViT(config)
        yield row, model
        if model.group.order == 1:
            yield f"{row}, 4 turns averaged", FourTurns(model)
        stages = [summed(stage) for stage in config.stages]
        if stages != config.stages:
            yield f"{row}, summed", EquivariantViT(replace(config, stages=stages))


def summed(stage: Stage) -> Stage:
    """Return the stage in [RC]'s literal form, if it has MLP vectors."""
    if getattr(stage.mixer, "encoding", None) != "mlp":
        return stage
    return replace(stage, mixer=replace(stage.mixer, sum_orientations=True))


def measure(kind: str, passes: int) -> list[dict]:
    channels, side, _ = SHAPES[kind]
    low = torch.bfloat16 if device() == "cuda" else torch.float32
    images = torch.randn(BATCH, channels, side, side, device=device(), dtype=low)
    named = {name: model.to(device(), low).eval() for name, model in models(kind)}
    calls = {name: lambda model=model: model(images) for name, model in named.items()}
    with torch.inference_mode():
        forward = milliseconds(calls, passes)
        memory = {name: peak_megabytes(call) for name, call in calls.items()}
        flops = {name: gigaflops(call) for name, call in calls.items()}
    steps = {n: lambda model=m: training_step(model, images) for n, m in named.items()}
    training = milliseconds(steps, passes)
    return [
        {
            "set": kind,
            "row": name,
            "batch": BATCH,
            "parameters": sum(p.numel() for p in model.parameters()),
            "gflops_an_image": round(flops[name] / BATCH, 4),
            "forward_ms": round(forward[name], 2),
            "peak_mb": round(memory[name], 1),
            "training_ms": round(training[name], 2),
        }
        for name, model in named.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--passes", type=int, default=7)
    arguments = parser.parse_args()
    rows = [row for kind in SHAPES for row in measure(kind, arguments.passes)]
    for row in rows:
        print(*(f"{name}={value}" for name, value in row.items()))
    print(write_csv("runtime-gpu" if device() == "cuda" else "runtime", rows))


if __name__ == "__main__":
    main()
