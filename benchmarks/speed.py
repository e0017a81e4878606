"""Compare speed, memory and FLOPs of the equivariant models and their rivals in one run.

    python benchmarks/speed.py [--sizes 28 96 224] [--batches 1 32] [--passes 5] [--threads 2]

Rivals of a G-CSA ViT: its equations written naively ("naive ..."), the plain ViT with as many
positions and the same total width ("vit C1"), that ViT at four turns ("vit C1, 4 turns"), and, if
escnn is installed, a CNN with its steerable filters. Forward passes are in inference mode and eval
mode, training steps are forward and backward of a mean square. All models of one size and batch are
timed in turn, pass by pass, and medians are kept; `floor_ms` is the time that the FLOPs of the
forward pass would take at the rate of a large matrix product. On a GPU: bf16. Writes
benchmarks/results/speed-DATE.csv and docs/images/speed.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from isotrope import EquivariantViT
from isotrope.models.presets import preset
from isotrope.ocr.gsanet.loading import load_recognizer
from measuring import (
    device,
    gigaflops,
    gigaflops_a_second,
    milliseconds,
    peak_megabytes,
    write_csv,
)
from naive import naive
from rivals import FourTurns, steerable_cnn

NAMES = [
    ("gcsa", "C4"),
    ("gcsa", "C8"),
    ("gcsa", "D4"),
    ("gsa-rotary", "C4"),
    ("gsa-mlp", "C4"),
    ("gsa-table", "C4"),
    ("cnn", "C4"),
    ("vit", "C1"),
]
ODD_POOL = {28: 7, 96: 3, 224: 7}


def models(size: int, batch: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield every row of one size with its name."""
    for name, group in NAMES:
        config = preset(name, size, group)
        for stage in config.stages:
            if name == "gsa-table":  # its entries are whole steps; even pools fall in between
                stage.mixer = replace(stage.mixer, kv_pool=ODD_POOL[size])
            if name == "vit":  # its fastest form: a position embedding costs almost nothing
                stage.mixer = replace(stage.mixer, encoding=None)
        model = EquivariantViT(config)
        yield f"{name} {group}", model
        if group == "C4" and name in ("gcsa", "gsa-rotary") and size < 224 and batch > 1:
            yield f"naive {name} {group}", naive(model)
        if name == "vit":
            yield "vit C1, 4 turns", FourTurns(model)
    if (steerable := steerable_cnn(preset("cnn", size))) is not None:
        yield "escnn C4", steerable


def training_step(model: nn.Module, images: Tensor) -> None:
    model.zero_grad(set_to_none=True)
    model(images).float().square().mean().backward()


def measure(size: int, batch: int, passes: int, rate: float) -> list[dict]:
    low = torch.bfloat16 if device() == "cuda" else torch.float32
    images = torch.randn(batch, 3, size, size, device=device(), dtype=low)
    named = {name: model.to(device(), low) for name, model in models(size, batch)}
    trained = {n: m for n, m in named.items() if batch > 1 and "turns" not in n}
    for model in named.values():
        model.eval()
    with torch.inference_mode():
        forward = {name: lambda model=model: model(images) for name, model in named.items()}
        times = milliseconds(forward, passes)
        memory = {name: peak_megabytes(call) for name, call in forward.items()}
        flops = {name: gigaflops(call) for name, call in forward.items()}
    for model in trained.values():
        model.train()
    steps = {n: lambda model=m: training_step(model, images) for n, m in trained.items()}
    step_times = milliseconds(steps, passes)
    step_memory = {name: peak_megabytes(call) for name, call in steps.items()}
    return [
        {
            "model": name,
            "size": size,
            "batch": batch,
            "parameters": sum(p.numel() for p in model.parameters()),
            "forward_ms": round(times[name], 2),
            "images_a_second": round(1000 * batch / times[name], 1),
            "of_vit": round(times[name] / times["vit C1"], 3),
            "of_vit_at_4_turns": round(times[name] / times["vit C1, 4 turns"], 3),
            "train_ms": round(step_times[name], 2) if name in steps else "",
            "train_of_vit": round(step_times[name] / step_times["vit C1"], 3)
            if name in steps
            else "",
            "forward_mb": round(memory[name], 1),
            "train_mb": round(step_memory[name], 1) if name in steps else "",
            "gflops": round(flops[name], 3),
            "floor_ms": round(1000 * flops[name] / rate, 2),
        }
        for name, model in named.items()
    ]


def reading(passes: int, rate: float) -> list[dict]:
    """Time the recognizer's encoder and a complete read on words of 32 x 112 pixels."""
    model = load_recognizer().to(device())
    slow = naive(model.encoder)
    rows = []
    for batch in (1, 32):
        images = torch.rand(batch, 3, 32, 112, device=device())
        calls = {
            "recognizer encoder": lambda images=images: model.encoder(pixel_values=images),
            "naive recognizer encoder": lambda images=images: slow(pixel_values=images),
            "recognizer encoder, 4 turns": lambda images=images: [
                model.encoder(pixel_values=torch.rot90(images, k, (2, 3))) for k in range(4)
            ],
            "recognizer read": lambda images=images: model.read(images),
        }
        with torch.inference_mode():
            times = milliseconds(calls, passes)
            flops = {name: gigaflops(call) for name, call in calls.items()}
            rows += [
                {
                    "model": name,
                    "size": "32x112",
                    "batch": batch,
                    "forward_ms": round(times[name], 2),
                    "images_a_second": round(1000 * batch / times[name], 1),
                    "forward_mb": round(peak_megabytes(call), 1),
                    "gflops": round(flops[name], 3),
                    "floor_ms": round(1000 * flops[name] / rate, 2),
                }
                for name, call in calls.items()
            ]
    return rows


def printed(rows: list[dict]) -> list[dict]:
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items() if value != ""), flush=True)
    return rows


def draw(rows: list[dict], path: Path) -> None:
    """Draw bars of images per second at batch 32, forward and training, a panel for each size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes = sorted({row["size"] for row in rows if isinstance(row["size"], int)})
    most = max(row["batch"] for row in rows)
    figure, panels = plt.subplots(1, len(sizes), figsize=(5 * len(sizes), 5), squeeze=False)
    for panel, size in zip(panels[0], sizes, strict=True):
        chosen = [row for row in rows if row["size"] == size and row["batch"] == most]
        chosen.sort(key=lambda row: row["forward_ms"])
        names = [row["model"] for row in chosen]
        forward = [row["forward_ms"] / most for row in chosen]
        train = [float(row["train_ms"] or "nan") / most for row in chosen]
        colors = ["#888888" if _rival(name) else "#1f77b4" for name in names]
        panel.barh(names, train, color=colors, alpha=0.35, label="training step")
        panel.barh(names, forward, color=colors, height=0.5, label="forward")
        panel.set(title=f"{size} x {size}, batch {most}", xlabel="ms an image")
        panel.invert_yaxis()
    panels[0][0].legend(loc="upper right")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def _rival(name: str) -> bool:
    return name.startswith(("naive", "vit", "escnn"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[28, 96, 224])
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rate = gigaflops_a_second()
    print(f"a large matrix product: {rate:.0f} GFLOP/s")
    rows = []
    for size in arguments.sizes:
        for batch in arguments.batches:
            rows += printed(measure(size, batch, arguments.passes, rate))
    read = printed(reading(arguments.passes, rate))
    rows += [dict.fromkeys(rows[0], "") | row for row in read]
    print(write_csv("speed", rows))
    draw(rows, Path(__file__).parents[1] / "docs" / "images" / "speed.png")


if __name__ == "__main__":
    main()
