"""Compare DeiT-sized equivariant models with the plain ViT of the same width and depth in one run.

    python benchmarks/sizes.py [--sizes s b] [--batch 64] [--passes 9] [--eager] [--cost]

Forward passes are in eval and inference mode, training steps are forward and backward of a cross-
entropy under autocast, without an optimizer. All models of one size are timed in turn, pass by
pass, and medians are kept. On a GPU: bfloat16, compiled, with fused attention; on a CPU: float32
and not compiled. `floor_ms` is the time that the FLOPs of the forward pass would take at the rate
of a large matrix product of the same type, `train_floor_ms` three times that. Megabytes are those
that the tensors of a call take (`returning_memory`); `whole` adds the weights, in training their
gradients too. Writes benchmarks/results/sizes-DATE.csv.

With --cost nothing is timed: it prints the FLOPs of an image and, for recipes/imagenet-*.toml, the
GPU hours at a given share of a GPU's peak, which is an estimate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

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
    returning_memory,
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
Calls = dict[str, Callable[[], object]]
SIDE, CLASSES = 224, 1000
IMAGES = 1_281_167  # ImageNet's training images
PEAK = 989e3  # an H100's GFLOP/s in bfloat16, dense (NVIDIA's data sheet)


@dataclass(frozen=True)
class Memory:
    """What a model's forward pass and training step take, and its weights, in MB."""

    forward: float
    train: float
    weights: float

    @property
    def forward_whole(self) -> float:
        """With the weights, in the type of the forward pass."""
        return self.forward + self.weights

    @property
    def train_whole(self) -> float:
        """With the weights and their gradients, in float32."""
        return self.train + 2 * self.weights * 4 / low_type().itemsize


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


def forward_pass(model: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(images)


def training_steps(named: dict[str, nn.Module], images: Tensor, compiled: bool) -> Calls:
    """The training step of each model, after a first one, so that gradients are there."""
    calls: Calls = {}
    for name, model in named.items():
        calls[name] = partial(training_step, made(model.train(), compiled), images, low_type())
        calls[name]()
    return calls


def forward_passes(named: dict[str, nn.Module], images: Tensor, compiled: bool) -> Calls:
    """The forward pass of each model, whose weights get the type of the pass; no gradients."""
    calls: Calls = {}
    inputs = images.to(low_type())
    for name, model in named.items():
        model.zero_grad(set_to_none=True)
        call = made(model.eval().to(low_type()), compiled)
        calls[name] = partial(forward_pass, call, inputs)
        calls[name]()
    return calls


def made(model: nn.Module, compiled: bool) -> Callable[[Tensor], Tensor]:
    torch.compiler.reset()  # or it gives up after eight shapes of the same code
    return torch.compile(model) if compiled else model


def low_type() -> torch.dtype:
    return torch.bfloat16 if device() == "cuda" else torch.float32


def models_and_images(size: str, batch: int) -> tuple[dict[str, nn.Module], Tensor]:
    named = {name: model.to(device()) for name, model in models(size)}
    return named, torch.randn(batch, 3, SIDE, SIDE, device=device())


def megabytes(size: str, batch: int, compiled: bool) -> dict[str, Memory]:
    """The peak memory of each model's calls, and of its weights."""
    named, images = models_and_images(size, batch)
    steps = training_steps(named, images, compiled)
    train = {name: peak_megabytes(step) for name, step in steps.items()}
    passes = forward_passes(named, images, compiled)
    forward = {name: peak_megabytes(call) for name, call in passes.items()}
    weights = {n: sum(p.nbytes for p in model.parameters()) / 1e6 for n, model in named.items()}
    return {name: Memory(forward[name], train[name], weights[name]) for name in named}


def flops_of(size: str) -> dict[str, float]:
    """GFLOPs of the forward pass for one image, by model; counted without computing anything."""
    with torch.device("meta"), torch.inference_mode():
        image = torch.empty(1, 3, SIDE, SIDE)
        return {n: gigaflops(lambda m=m: m.eval()(image)) for n, m in models(size)}


def measure(
    size: str, batch: int, passes: int, compiled: bool, rate: float, memory: dict[str, Memory]
) -> list[dict]:
    """The rows of a size, each with its times and its memory."""
    named, images = models_and_images(size, batch)
    train = milliseconds(training_steps(named, images, compiled), passes)
    forward = milliseconds(forward_passes(named, images, compiled), passes)
    flops = flops_of(size)
    plain = memory[PLAIN]
    return [
        {
            "model": name,
            "size": size,
            "batch": batch,
            "compiled": compiled,
            "parameters": sum(p.numel() for p in named[name].parameters()),
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
            "forward_mb": round(own.forward, 1),
            "forward_mb_of_vit": round(own.forward / plain.forward, 3),
            "train_mb": round(own.train, 1),
            "train_mb_of_vit": round(own.train / plain.train, 3),
            "forward_whole_mb_of_vit": round(own.forward_whole / plain.forward_whole, 3),
            "train_whole_mb_of_vit": round(own.train_whole / plain.train_whole, 3),
        }
        for name, own in memory.items()
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
    rows, batch, compiled = [], arguments.batch, gpu and not arguments.eager
    with returning_memory():
        memory = {size: megabytes(size, batch, compiled) for size in arguments.sizes}
    for size in arguments.sizes:
        for row in measure(size, batch, arguments.passes, compiled, rate, memory[size]):
            print(*(f"{key}={value}" for key, value in row.items()), flush=True)
            rows.append(row)
    print(write_csv("sizes", rows))


if __name__ == "__main__":
    main()
