"""What loses least of a pretrained plain ViT: a frame before it, or symmetrizing it.

    python benchmarks/plankton_pretrained.py --data plankton.tar [--seeds 0 1 2]

For each seed, a small ViT of transformers is trained on plankton for --minutes, without turning the
images. Then everything in METHODS is made from copies of it: read as it is, averaged over the four
turns, put behind frames, symmetrized; some untouched, some tuned by LoRA for --tune minutes each.
Minutes are of CPU time on one core, turned into steps by the measured time of a step. The last
weights are tested: nothing is chosen on the test images.

ViTs and results are stored in runs/plankton-pretrained; finished ones are not repeated, and several
processes share the work, as in plankton.py. After each method,
benchmarks/results/plankton-pretrained-DATE.csv is written; `plankton_report.py` makes the table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ViTConfig, ViTForImageClassification

from isotrope import CyclicGroup, DihedralGroup, Framed, symmetrize
from isotrope.groups import Group
from isotrope.io.files import replacing
from isotrope.jobs.locking import locked
from isotrope.lora import add_adapter
from isotrope.training.augmentation import augmented
from isotrope.training.evaluation import Preprocessing
from isotrope.training.schedule import rate
from measuring import made_by, write_csv
from plankton import Sets, load, turned_scores

RUNS = Path("runs/plankton-pretrained")
COLUMNS = ("method", "seed")
BATCH, RANK, SMOOTHING = 32, 8, 0.1
RATES = {"base": 1e-3, "lora": 2e-3}
"""Learning rates from scratch and of LoRA."""
LINEAR = "attention,mlp"
"""LoRA on all linear maps of a block."""
C1, C4, D4 = CyclicGroup(1), CyclicGroup(4), DihedralGroup(4)
Make = Callable[[ViTForImageClassification], nn.Module]


@dataclass(frozen=True)
class Method:
    """A model made from the ViT.

    Args:
        passes: Number of images that the ViT reads for one answer.
        make: The model; what requires a gradient is tuned.
        augment: How the images are turned in tuning; None: no tuning.
        average: Number of turns over which the logits are averaged.
    """

    passes: int
    make: Make
    augment: str | None = None
    average: int = 1


def with_lora(vit: nn.Module, targets: str = LINEAR) -> nn.Module:
    add_adapter(vit, targets, rank=RANK)
    return vit


METHODS = {
    "plain": Method(1, lambda vit: vit),
    "plain, at four turns": Method(4, lambda vit: vit, average=4),
    "plain, LoRA": Method(1, with_lora, "none"),
    "plain, LoRA, turned images": Method(1, with_lora, "angles"),
    "plain, LoRA, turned images, at four turns": Method(4, with_lora, "angles", average=4),
    "Framed, new front": Method(1, Framed),
    "Framed, by confidence": Method(5, Framed.by_confidence),
    "Framed, LoRA": Method(1, lambda vit: Framed(with_lora(vit)), "none"),
    "Framed, LoRA, turned images": Method(1, lambda vit: Framed(with_lora(vit)), "angles"),
    "symmetrize": Method(4, symmetrize),
    "symmetrize, LoRA": Method(4, lambda vit: with_lora(symmetrize(vit), "all"), "none"),
    "symmetrize, LoRA, turned images": Method(
        4, lambda vit: with_lora(symmetrize(vit), "all"), "angles"
    ),
    "symmetrize, LoRA, no mixing": Method(
        4, lambda vit: with_lora(symmetrize(vit, mix=False), "all"), "none"
    ),
    "symmetrize to D4, LoRA": Method(8, lambda vit: with_lora(symmetrize(vit, D4), "all"), "none"),
}


class Logits(nn.Module):
    """The logits of any classifier; `group` says what `evaluate` may skip: nothing."""

    group: Group = C1

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        output = self.model(images)
        return output if isinstance(output, Tensor) else output.logits


def train(
    model: nn.Module, sets: Sets, minutes: float, learning_rate: float, augment: str, seed: int
) -> None:
    """Train what requires a gradient: AdamW and a cosine, for the steps that fit into the time."""
    train, preprocessing = sets["train"], Preprocessing.of(sets["train"])
    logits, draws = Logits(model).train(), torch.Generator().manual_seed(seed)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, learning_rate, weight_decay=0.05, betas=(0.9, 0.98))

    def step(chosen: Tensor) -> None:
        optimizer.zero_grad()
        images = augmented(preprocessing(train.images[chosen]), augment, draws)
        scores = logits(images)
        F.cross_entropy(scores, train.labels[chosen], label_smoothing=SMOOTHING).backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()

    optimizer.param_groups[0]["lr"] = 0.0  # only timed: the weights stay
    times: list[float] = []
    for _ in range(8):
        started = time.process_time()
        step(torch.arange(min(BATCH, len(train))))
        times.append(time.process_time() - started)
    optimizer.state.clear()
    steps = max(1, round(60 * minutes / median(times[2:])))
    orders = (torch.randperm(len(train), generator=draws) for _ in count())
    batches = (batch for order in orders for batch in order.split(BATCH))
    for number, batch in enumerate(islice(batches, steps)):
        optimizer.param_groups[0]["lr"] = learning_rate * rate(number / steps, 0.05)
        step(batch)
    logits.eval()


def base(sets: Sets, seed: int, minutes: float) -> ViTForImageClassification:
    """The ViT of a seed, trained once."""
    folder = RUNS / f"vit-{minutes:g}min-seed{seed}"
    if (folder / "config.json").is_file():
        return ViTForImageClassification.from_pretrained(folder).eval()
    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=128,
        image_size=sets["train"].images.shape[-1],
        patch_size=6,
        num_labels=len(sets["train"].classes),
    )
    vit = ViTForImageClassification(config)
    train(vit, sets, minutes, RATES["base"], "none", seed)
    vit.save_pretrained(folder)
    return vit.eval()


def measured(name: str, seed: int, sets: Sets, minutes: float, tune: float) -> dict:
    """The line of a method."""
    method, vit = METHODS[name], base(sets, seed, minutes)
    torch.manual_seed(seed)
    model = method.make(vit)
    trained = 0
    if method.augment is not None:
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        train(model, sets, tune, RATES["lora"], method.augment, seed)
    model, preprocessing = Logits(model).eval(), Preprocessing.of(sets["train"])
    return {
        "method": name,
        "seed": seed,
        "trained": trained,
        "passes": method.passes,
        "vit_minutes": minutes,
        "minutes": tune if trained else 0,
    } | turned_scores(model, sets["test"], preprocessing, method.average)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="plankton.tar, or its folder")
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=10, help="to train the ViT")
    parser.add_argument("--tune", type=float, default=4, help="minutes to tune a method")
    arguments = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    sets = load(arguments.data)
    for seed in arguments.seeds:
        if (lock := locked(RUNS / f"seed{seed}.lock")) is None:
            continue  # another process has this seed
        with lock:
            for name in arguments.methods:
                path = RUNS / f"seed{seed}" / f"{name}.json"
                if path.is_file():
                    check_minutes(path, arguments.minutes, arguments.tune)
                    continue
                path.parent.mkdir(exist_ok=True)
                line = measured(name, seed, sets, arguments.minutes, arguments.tune) | made_by()
                with replacing(path) as temporary:
                    temporary.write_text(json.dumps(line))
                print(f"seed {seed}, {name}: {100 * line['four_turns']:.1f}%", flush=True)
                write()


def check_minutes(path: Path, minutes: float, tune: float) -> None:
    """Raise ValueError if a finished line was trained for another time."""
    line = json.loads(path.read_text())
    if line["vit_minutes"] != minutes or line["minutes"] not in (0, tune):
        raise ValueError(f"{path} was trained for another time; remove it to run it anew")


def write() -> None:
    """Write the CSV of all that is finished, in the order of the methods."""
    paths = [path for name in METHODS for path in sorted(RUNS.glob(f"seed*/{name}.json"))]
    if paths:
        write_csv("plankton-pretrained", [json.loads(p.read_text()) for p in paths], COLUMNS)


if __name__ == "__main__":
    main()
