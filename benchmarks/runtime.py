"""Runtime, memory and FLOPs of the papers' rows: every recipe's model, all in one run.

    python benchmarks/runtime.py [--passes 7]

Forward passes of 32 images in inference mode, all models of a set timed in turn; training steps
likewise. A plain ViT (C1) is timed at four turns too, and a GSA-Net in the literal form of [RC],
which sums over the queries of every orientation ("..., summed"). Writes
benchmarks/results/runtime-DATE.csv. On a GPU where there is one: bf16.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from isotrope import EquivariantViT, EquivariantViTConfig
from isotrope.training.classification_config import ClassificationConfig
from measuring import device, gigaflops, milliseconds, peak_megabytes, write_csv
from rivals import FourTurns
from speed import training_step

SHAPES = {"rotmnist": (1, 28, 10), "histology": (3, 96, 3)}
"""Channels, side and classes of the images of each folder of recipes."""
BATCH = 32


def models(folder: Path) -> Iterator[tuple[str, EquivariantViT | FourTurns]]:
    channels, _, classes = SHAPES[folder.name]
    for path in sorted(folder.glob("*.toml")):
        if path.stem == "base":
            continue
        config = ClassificationConfig.from_toml(path)
        model = EquivariantViT(config.vit(channels, classes)).eval()
        yield path.stem, model
        if model.group.order == 1:
            yield f"{path.stem}, 4 turns averaged", FourTurns(model)
        if any(stage.encoding == "mlp" for stage in model.config.stages):
            yield f"{path.stem}, summed", EquivariantViT(summed(model.config)).eval()


def summed(config: EquivariantViTConfig) -> EquivariantViTConfig:
    """The same with every attention in [RC]'s literal form."""
    stages = [replace(s, sum_orientations=s.mixer == "gsa") for s in config.stages]
    return replace(config, stages=stages)


def measure(folder: Path, passes: int) -> list[dict]:
    channels, side, _ = SHAPES[folder.name]
    low = torch.bfloat16 if device() == "cuda" else torch.float32
    images = torch.randn(BATCH, channels, side, side, device=device(), dtype=low)
    named: dict[str, nn.Module] = {n: m.to(device(), low) for n, m in models(folder)}
    calls = {name: lambda model=model: model(images) for name, model in named.items()}
    with torch.inference_mode():
        forward = milliseconds(calls, passes)
        memory = {name: peak_megabytes(call) for name, call in calls.items()}
        flops = {name: gigaflops(call) for name, call in calls.items()}
    steps = {n: lambda model=m: training_step(model, images) for n, m in named.items()}
    training = milliseconds(steps, passes)
    return [
        {
            "set": folder.name,
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
    folders = [Path("recipes") / name for name in SHAPES]
    parser.add_argument("--recipes", type=Path, nargs="*", default=folders)
    parser.add_argument("--passes", type=int, default=7)
    arguments = parser.parse_args()
    rows = [row for folder in arguments.recipes for row in measure(folder, arguments.passes)]
    for row in rows:
        print(*(f"{name}={value}" for name, value in row.items()))
    print(write_csv("runtime", rows))


if __name__ == "__main__":
    main()
