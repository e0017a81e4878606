"""Compare DeiT-sized equivariant models with the plain ViT of the same width and depth in one run.

    python benchmarks/sizes.py [--sizes s b] [--batch 64] [--passes 9] [--eager] [--cost]

Forward passes are in eval and inference mode, training steps are forward and backward of a cross-
entropy under autocast, without an optimizer. All models of one size are timed in turn, pass by
pass, and medians are kept. On a GPU: bfloat16, compiled, with fused attention; on a CPU: float32
and not compiled. `floor_ms` is the time that the FLOPs of the forward pass would take at the rate
of a large matrix product of the same type, `train_floor_ms` three times that. Megabytes are those
that a call takes; `whole` adds the weights, in training their gradients too. Writes
benchmarks/results/sizes-DATE.csv.

With --cost nothing is timed: it prints the FLOPs of an image and, for recipes/imagenet-*.toml, the
GPU hours at a given share of a GPU's peak, which is an estimate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope import EquivariantViT
from isotrope.models.presets import preset
from measuring import (
    device,
    gigaflops,
    gigaflops_a_second,
    milliseconds,
    peak_megabytes,
    write_csv,
)

ROWS = [
    ("gcsa", "C4"),
    ("gsa-rotary", "C4"),
    ("hybrid", "C4"),
    ("gcsa", "D4"),
    ("gsa-rotary", "D4"),
    ("vit", "C1"),
]
PLAIN = "vit C1"
SIDE, CLASSES = 224, 1000
IMAGES = 1_281_167  # ImageNet's training images
PEAK = 989e3  # an H100's GFLOP/s in bfloat16, dense (NVIDIA's data sheet)


def models(size: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield every row of one size with its name."""
    for name, group in ROWS:
        config = preset(name, size, group, classes=CLASSES)
        if name == "vit":  # its fastest form: a position embedding costs almost nothing
            (stage,) = config.stages
            stage.mixer = replace(stage.mixer, encoding=None)
        yield f"{name} {group}", EquivariantViT(config)


def training_step(model: Callable[[Tensor], Tensor], images: Tensor, low: torch.dtype) -> None:
    labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    mixed = torch.autocast(images.device.type, low) if low != torch.float32 else nullcontext()
    with mixed:
        loss = F.cross_entropy(model(images).float(), labels)
    loss.backward()


def timed(
    named: dict[str, nn.Module], images: Tensor, passes: int, compiled: bool
) -> tuple[dict[str, float], dict[str, float], dict[str, float], dict[str, float]]:
    """Milliseconds and megabytes of the forward pass, then of the training step, by model."""
    low = torch.bfloat16 if device() == "cuda" else torch.float32

    def made(model: nn.Module) -> Callable[[Tensor], Tensor]:
        torch.compiler.reset()  # or it gives up after eight shapes of the same code
        return torch.compile(model) if compiled else model

    steps = {}
    for name, model in named.items():
        call = made(model.train())
        training_step(call, images, low)  # compiled here, and gradients are there from now on
        steps[name] = lambda call=call: training_step(call, images, low)
    train = milliseconds(steps, passes)
    train_memory = {name: peak_megabytes(step) for name, step in steps.items()}
    for model in named.values():
        model.zero_grad(set_to_none=True)
    inputs = images.to(low)
    with torch.inference_mode():
        calls = {}
        for name, model in named.items():
            call = made(model.eval().to(low))
            calls[name] = lambda call=call: call(inputs)
        forward = milliseconds(calls, passes)
        memory = {name: peak_megabytes(call) for name, call in calls.items()}
    return forward, memory, train, train_memory


def flops_of(size: str) -> dict[str, float]:
    """GFLOPs of the forward pass for one image, by model; counted without computing anything."""
    with torch.device("meta"), torch.inference_mode():
        image = torch.empty(1, 3, SIDE, SIDE)
        return {n: gigaflops(lambda m=m: m.eval()(image)) for n, m in models(size)}


def measure(size: str, batch: int, passes: int, compiled: bool, rate: float) -> list[dict]:
    images = torch.randn(batch, 3, SIDE, SIDE, device=device())
    named = {name: model.to(device()) for name, model in models(size)}
    flops = flops_of(size)
    forward, memory, train, train_memory = timed(named, images, passes, compiled)
    counts = {n: sum(p.numel() for p in model.parameters()) for n, model in named.items()}
    # `timed` has left the weights in the type of the forward pass.
    weights = {n: sum(p.nbytes for p in model.parameters()) for n, model in named.items()}
    whole = {n: memory[n] + held / 1e6 for n, held in weights.items()}
    train_whole = {n: train_memory[n] + 8 * count / 1e6 for n, count in counts.items()}
    return [
        {
            "model": name,
            "size": size,
            "batch": batch,
            "compiled": compiled,
            "parameters": counts[name],
            "gflops_an_image": round(flops[name], 2),
            "flops_of_vit": round(flops[name] / flops[PLAIN], 3),
            "forward_ms": round(forward[name], 2),
            "floor_ms": round(1000 * batch * flops[name] / rate, 2),
            "forward_images_a_second": round(1000 * batch / forward[name], 1),
            "forward_of_vit": round(forward[name] / forward[PLAIN], 3),
            "train_ms": round(train[name], 2),
            "train_floor_ms": round(3000 * batch * flops[name] / rate, 2),
            "train_images_a_second": round(1000 * batch / train[name], 1),
            "train_of_vit": round(train[name] / train[PLAIN], 3),
            "forward_mb": round(memory[name], 1),
            "forward_mb_of_vit": round(memory[name] / memory[PLAIN], 3),
            "train_mb": round(train_memory[name], 1),
            "train_mb_of_vit": round(train_memory[name] / train_memory[PLAIN], 3),
            "forward_whole_mb_of_vit": round(whole[name] / whole[PLAIN], 3),
            "train_whole_mb_of_vit": round(train_whole[name] / train_whole[PLAIN], 3),
        }
        for name in named
    ]


def cost(sizes: list[str], epochs: int, share: float) -> None:
    """Print the FLOPs of every row, and its hours on an H100 at this share of its peak."""
    for size in sizes:
        flops = flops_of(size)
        for name, each in flops.items():
            hours = 3 * each * IMAGES * epochs / (share * PEAK) / 3600
            print(
                f"{size} {name}: {each:.2f} GFLOPs an image, {each / flops[PLAIN]:.2f} of the "
                f"plain ViT; {epochs} epochs at {share:.0%} of {PEAK / 1000:.0f} TFLOP/s: "
                f"{hours:.0f} GPU hours"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", nargs="*", default=["s", "b"], choices=["ti", "s", "b", "l"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--eager", action="store_true", help="do not compile on a GPU")
    parser.add_argument("--cost", action="store_true", help="print FLOPs and estimated hours only")
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--share", type=float, default=0.3, help="of the GPU's peak, for --cost")
    arguments = parser.parse_args()
    if arguments.cost:
        cost(arguments.sizes, arguments.epochs, arguments.share)
        return
    torch.manual_seed(0)
    gpu = device() == "cuda"
    rate = gigaflops_a_second(8192, torch.bfloat16) if gpu else gigaflops_a_second()
    print(f"a large matrix product: {rate:.0f} GFLOP/s")
    rows = []
    for size in arguments.sizes:
        batch, passes = arguments.batch, arguments.passes
        for row in measure(size, batch, passes, gpu and not arguments.eager, rate):
            print(*(f"{key}={value}" for key, value in row.items()), flush=True)
            rows.append(row)
    print(write_csv("sizes", rows))


if __name__ == "__main__":
    main()
