"""Draw the papers' figures and tables from benchmarks/results; runs no experiments.

    python benchmarks/figures.py            # bubbles, angles, few-images, adapters, page-readers
    python benchmarks/figures.py --tables   # tables of docs/results, on standard output

Uses the newest CSV of each study.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

import page_report
from isotrope.groups import TURNS
from isotrope.io.files import replacing
from measuring import newest

DOCS = Path(__file__).parents[1] / "docs" / "images"
SETS = {"rotmnist": "rotated MNIST, rebuilt", "histology": "lung histology, 96 px"}
AUGMENTS = {"none": "without augmentation", "angles": "turned by any angle in training"}
COLORS = {
    "vit": "#7f7f7f",
    "hybrid": "#9467bd",
    "gsa": "#2ca02c",
    "gcsa": "#1f77b4",
    "cnn": "#ff7f0e",
}
"""Color by the first of these words in a row's name."""
STYLES = {
    **{"framed": "-.", "unturned": (0, (1, 3))},
    **{"c1": (0, (5, 1, 1, 1, 1, 1)), "c8": ":", "d4": "--", "mlp": "--", "turns": ":"},
}
"""Line style by a word of a row's name; solid by default."""
METHODS = {
    "lora": ("C0o", "LoRA"),
    "more": ("C1*", "LoRA, gone on with"),
    "full": ("C2s", "all weights"),
    "turned": ("C4v", "LoRA, turned lines"),
}
"""By method: marker and legend text."""
BASES = {
    "shipped": ("-", "full", ""),
    "print": (":", "none", ", base of print alone"),
    "plain": ("--", "left", ", plain encoder"),
}
"""By base: line style, marker fill, and suffix in the legend; others are not drawn."""
LARGEST = 2_500  # area of the bubble with the most FLOPs, points^2

Line = dict[str, str]


def grouped(lines: Iterable[Line], *names: str) -> dict[tuple[str, ...], list[Line]]:
    """Group lines with equal values in these columns, in order."""
    groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        groups[tuple(line[name] for name in names)].append(line)
    return dict(sorted(groups.items()))


def upright(lines: list[Line]) -> list[Line]:
    """Select the tests with the most images, one per run."""
    most = max(int(line["images"]) for line in lines)
    return [line for line in lines if int(line["images"]) == most and line["angle"] == "0"]


def percents(lines: Iterable[Line], column: str = "accuracy") -> list[float]:
    return [100 * float(line[column]) for line in lines]


def curve(
    lines: list[Line], against: str, column: str = "accuracy"
) -> tuple[list[int], list[float]]:
    """Return the sorted integers of one column, and the mean percentage of another at each."""
    groups = {int(x): own for (x,), own in grouped(lines, against).items()}
    places = sorted(groups)
    return places, [mean(percents(groups[x], column)) for x in places]


def look(row: str) -> dict[str, Any]:
    """Color and style of a row, the same in every figure."""
    words = row.replace(",", "").replace("-", " ").split()
    color = next(COLORS[word] for word in words if word in COLORS)
    return {"color": color, "linestyle": next((STYLES[w] for w in words if w in STYLES), "-")}


def bubbles(figure: Figure) -> None:
    """Plot accuracy against runtime with areas proportional to FLOPs, a panel for each set."""
    for panel, (name, title) in zip(figure.subplots(1, 2), SETS.items(), strict=True):
        costs = {line["row"]: line for line in newest("runtime") if line["set"] == name}
        most = max(float(cost["gflops_an_image"]) for cost in costs.values())
        for (row,), lines in grouped(newest(f"rows-{name}"), "row").items():
            milliseconds = float(costs[row]["forward_ms"]) / float(costs[row]["batch"])
            area = LARGEST * float(costs[row]["gflops_an_image"]) / most
            own, best = look(row)["color"], 0.0
            for (augment,), tests in grouped(upright(lines), "augment").items():
                values = percents(tests)
                best = max(best, mean(values))
                face = "none" if augment == "none" else own
                panel.scatter(
                    milliseconds, mean(values), area, edgecolors=own, facecolors=face, alpha=0.4
                )
                panel.vlines(milliseconds, min(values), max(values), color=own)
            panel.annotate(row, (milliseconds, best), fontsize=8, ha="center")
        panel.set(title=title, xlabel="ms an image (batch 32)", xscale="log")
        panel.set(ylabel="test accuracy, % (filled: turned in training)")
        for kind in ("major", "minor"):
            panel.tick_params("x", which=kind, labelsize=7)
            getattr(panel.xaxis, f"set_{kind}_formatter")(StrMethodFormatter("{x:g}"))
        panel.margins(0.2)
        by_errors(panel)


def by_errors(panel: Axes) -> None:
    """Scale accuracy by log error, so that 90, 95 and 97.5% are equally spaced."""
    panel.set_yscale("function", functions=(_halvings, lambda y: 100 - 100 / np.exp2(y)))
    low, high = panel.get_ylim()
    ticks = (50, 60, 70, 80, 85, 88, *range(90, 100))
    panel.set_yticks([tick for tick in ticks if low <= tick <= high])


def _halvings(percents: np.ndarray) -> np.ndarray:
    return np.log2(100 / np.maximum(100 - percents, 1e-6))


def angles(figure: Figure) -> None:
    """Plot accuracy against the angle of test images, after training on upright ones."""
    for panel, lines in both_ways(figure, newest("angles-rotmnist")):
        fewest = min(int(line["images"]) for line in lines)
        turned = [line for line in lines if int(line["images"]) == fewest]
        draw_means(panel, turned, "angle")
        panel.set(xlabel="angle of the test images, degrees", xticks=range(0, 361, 90))


def few_images(figure: Figure) -> None:
    """Plot accuracy against the number of training images."""
    lines = upright(newest("samples-rotmnist"))
    studied = {line["row"] for line in lines}
    lines += [line for line in upright(newest("rows-rotmnist")) if line["row"] in studied]
    for panel, own in both_ways(figure, lines):
        draw_means(panel, own, "train_samples", marker=".")
        panel.set(xlabel="training images", xscale="log")


def draw_means(panel: Axes, lines: list[Line], against: str, **options: str) -> None:
    """Draw a curve for each row: the mean accuracy over its seeds."""
    for (row,), own in grouped(lines, "row").items():
        panel.plot(*curve(own, against), label=row, **look(row), **options)


def adapters(figure: Figure) -> None:
    """Plot character error rate, averaged over four turns, against the number of training lines."""
    sets = grouped([line for line in newest("adapters") if line["base"] in BASES], "set")
    panels = figure.subplots(1, len(sets), sharex=True, squeeze=False)[0]
    for panel, ((name,), lines) in zip(panels, sets.items(), strict=True):
        for (base, method), own in grouped(lines, "base", "method").items():
            (marker, label), (style, fill, of) = METHODS[method], BASES[base]
            points = curve(own, "train_lines", "cer")
            panel.plot(*points, marker + style, fillstyle=fill, label=label + of)
        before = {line["base"]: 100 * float(line["before_cer"]) for line in lines}
        before.pop("plain", None)  # was measured upright only
        for base, cer in sorted(before.items()):
            style, _, of = BASES[base]
            panel.axhline(cer, color="#7f7f7f", linestyle=style, label="without an adapter" + of)
        panel.set(title=name, xlabel="training lines", xscale="log", yscale="log", ylim=(2, 130))
        panel.set_yticks(ticks := (2, 5, 10, 20, 50, 100), ticks)
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="character error rate, %, mean of four turns")
    drawn = (zip(*panel.get_legend_handles_labels(), strict=True) for panel in panels)
    named = {label: line for lines in drawn for line, label in lines}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=4, frameon=False)


def both_ways(figure: Figure, lines: list[Line]) -> Iterator[tuple[Axes, list[Line]]]:
    """Yield a panel for lines without augmentation and one for lines with it."""
    panels = figure.subplots(1, 2, sharey=True)
    augmented = grouped(lines, "augment")
    for panel, (name, title) in zip(panels, AUGMENTS.items(), strict=True):
        yield panel, augmented[name,]
        panel.set(title=title)
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="test accuracy, %")
    named = panels[0].get_legend_handles_labels()
    figure.legend(*named, loc="outside upper center", ncols=5, frameon=False)


def page_readers(figure: Figure) -> None:
    """Plot the word F1 of page readers by the way in which pages lie."""
    figure.set_size_inches(8, 3.6)
    page_report.bars(figure, page_report.complete(newest("pages")))


DRAWN = (bubbles, angles, few_images, adapters, page_readers)
FIGURES = {draw.__name__.replace("_", "-"): draw for draw in DRAWN}


HEADS = (
    "row",
    "parameters",
    "augmentation",
    "seeds",
    "test, %",
    "the first 5,000: at 90 / 180 / 270",
    "at 45",
    "logits move by, quarter turns",
    "at 45",
)


def tables() -> None:
    """Print the rows of each set, and the runtimes, as Markdown."""
    for name, title in SETS.items():
        print(f"\n### {title}\n")
        print("|", " | ".join(HEADS), "|\n|" + "---|" * len(HEADS))
        for (row, augment), lines in grouped(newest(f"rows-{name}"), "row", "augment").items():
            print(table_row(row, augment, lines))
    print("\n### angles\n\n| row | augmentation | at 0 / 90 / 180 / 270 | worst | logits moved |")
    print("|" + "---|" * 5)
    for (row, augment), lines in grouped(newest("angles-rotmnist"), "row", "augment").items():
        print(angle_row(row, augment, lines))
    print("\n### samples, without / with turning\n\n| row | 100 | 1,000 |\n|---|---|---|")
    for (row,), lines in grouped(newest("samples-rotmnist"), "row").items():
        print(samples_row(row, lines))
    for study in ("runtime", "runtime-gpu"):
        costs = newest(study)
        print(f"\n### {study}\n\n| set | row |", " | ".join(list(costs[0])[2:-3]), "|")
        print("|" + "---|" * (len(costs[0]) - 3))
        for line in costs:
            print("|", " | ".join(list(line.values())[:-3]), "|")


def angle_row(row: str, augment: str, lines: list[Line]) -> str:
    fewest = min(int(line["images"]) for line in lines)
    few = {int(line["angle"]): line for line in lines if int(line["images"]) == fewest}
    right = {angle: 100 * float(line["accuracy"]) for angle, line in few.items()}
    turns = " / ".join(f"{right[angle]:.1f}" for angle in TURNS)
    moved = max(float(few[angle]["difference"]) for angle in (90, 180, 270))
    return f"| {row} | {augment} | {turns} | {min(right.values()):.1f} | {moved:.0e} |"


def samples_row(row: str, lines: list[Line]) -> str:
    right = grouped(upright(lines), "train_samples", "augment")
    sizes = (
        " / ".join(f"{mean(percents(right[size, augment])):.1f}%" for augment in AUGMENTS)
        for size in ("100", "1000")
    )
    return f"| {row} | {' | '.join(sizes)} |"


def table_row(row: str, augment: str, lines: list[Line]) -> str:
    values = percents(upright(lines))
    spread = f" ± {(max(values) - min(values)) / 2:.2f}" if len(values) > 1 else ""
    fewest = min(int(line["images"]) for line in lines)
    few = grouped((line for line in lines if int(line["images"]) == fewest), "angle")
    right = {angle: f"{mean(percents(own)):.2f}" for (angle,), own in few.items()}
    moved = {a: max(float(line["difference"]) for line in own) for (a,), own in few.items()}
    return " | ".join(
        (
            f"| {row}",
            f"{int(lines[0]['parameters']):,}",
            augment,
            str(len(values)),
            f"**{mean(values):.2f}**{spread}",
            f"{right['0']}: {right['90']} / {right['180']} / {right['270']}",
            right["45"],
            f"{max(moved['90'], moved['180'], moved['270']):.0e}",
            f"{moved['45']:.1e} |",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tables", action="store_true")
    if parser.parse_args().tables:
        tables()
        return
    for name, draw in FIGURES.items():
        figure = Figure(figsize=(13, 5.5), layout="constrained")
        try:
            draw(figure)
        except FileNotFoundError as error:
            print(f"{name}.png left as it is: {error}", file=sys.stderr)
            continue
        with replacing(DOCS / f"{name}.png") as temporary:
            figure.savefig(temporary, format="png", dpi=130)


if __name__ == "__main__":
    main()
