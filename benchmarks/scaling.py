"""Measure how time and memory grow with the number of positions and |G|; fit exponents.

    python benchmarks/scaling.py [--passes 5] [--threads 2]

One block of width |G| C = 128 on patches of 4 px, forward in inference mode, one image. Positions:
28 to 448 px under C4, attending over the whole grid, in windows of 7, and with keys pooled by 7;
the plain ViT (C1) beside them. |G|: C1, C4, C8, C16 at 112 px, at one total width and at one width
C = 32. Exponents are the slopes of straight lines through the last three points in logarithms.
Writes benchmarks/results/scaling-DATE.csv and docs/images/scaling.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from isotrope import EquivariantViT
from isotrope.models.config import EquivariantViTConfig, Stage
from measuring import device, milliseconds, peak_megabytes, write_csv

SIZES = (28, 56, 112, 224, 448)
GROUPS = ("C1", "C4", "C8", "C16")
AT = 112
"""Image side at which |G| is varied, px."""


def block(group: str, dim: int, mixer: str = "gcsa", **options) -> EquivariantViT:
    stage = Stage(mixer, depth=1, dim=dim, heads=max(1, dim // 16), **options)
    config = EquivariantViTConfig(group=group, patch=(4, 4, 0), stages=[stage])
    return EquivariantViT(config).to(device()).eval()


BY_POSITIONS: dict[str, Callable[[], EquivariantViT]] = {
    "G-CSA C4": lambda: block("C4", 32),
    "G-CSA C4, windows of 7": lambda: block("C4", 32, window=7),
    "G-CSA C4, keys pooled by 7": lambda: block("C4", 32, kv_pool=7),
    "G-SA C4, Rotary": lambda: block("C4", 32, "gsa", encoding="rotary"),
    "plain ViT": lambda: block("C1", 128, "gsa"),
}
BY_ORDER: dict[str, Callable[[str, int], EquivariantViT]] = {
    "G-CSA, |G| C = 128": lambda group, order: block(group, 128 // order),
    "G-CSA, C = 32": lambda group, order: block(group, 32),
    "G-CSA, C = 32, keys pooled by 7": lambda group, order: block(group, 32, kv_pool=7),
}


def measure(models: dict[str, EquivariantViT], size: int, passes: int) -> dict[str, dict]:
    image = torch.randn(1, 3, size, size, device=device())
    calls = {name: lambda model=model: model(image) for name, model in models.items()}
    with torch.inference_mode():
        times = milliseconds(calls, passes)
        return {
            name: {"ms": round(times[name], 3), "mb": round(peak_megabytes(call), 2)}
            for name, call in calls.items()
        }


def exponent(rows: list[dict], x: str, y: str) -> float:
    """Slope of `log y` over `log x` for the last three rows."""
    last = rows[-3:]
    return float(np.polyfit(np.log([r[x] for r in last]), np.log([r[y] for r in last]), 1)[0])


def draw(rows: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 2, figsize=(11, 9))
    for line, x in zip(panels, ("positions", "order"), strict=True):
        chosen = [row for row in rows if row["against"] == x]
        for panel, y in zip(line, ("ms", "mb"), strict=True):
            for name in dict.fromkeys(row["model"] for row in chosen):
                mine = [row for row in chosen if row["model"] == name]
                label = f"{name}: {exponent(mine, x, y):.2f}"
                panel.plot([r[x] for r in mine], [r[y] for r in mine], "o-", label=label)
            panel.set(xscale="log", yscale="log", ylabel=y.replace("mb", "MB"))
            panel.set_xlabel("positions" if x == "positions" else "|G|")
            panel.legend(title="exponent", fontsize=8)
            panel.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rows = []
    for size in SIZES:
        models = {name: build() for name, build in BY_POSITIONS.items()}
        for name, found in measure(models, size, arguments.passes).items():
            order = models[name].group.order
            place = {"against": "positions", "model": name, "positions": (size // 4) ** 2}
            rows.append(place | {"order": order} | found)
            print(*rows[-1].values())
    for group in GROUPS:
        order = int(group[1:])
        models = {name: build(group, order) for name, build in BY_ORDER.items()}
        for name, found in measure(models, AT, arguments.passes).items():
            place = {"against": "order", "model": name, "positions": (AT // 4) ** 2}
            rows.append(place | {"order": order} | found)
            print(*rows[-1].values())
    print(write_csv("scaling", rows))
    draw(rows, Path(__file__).parents[1] / "docs" / "images" / "scaling.png")


if __name__ == "__main__":
    main()
