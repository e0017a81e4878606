"""The figure and the table of the adapter study, from its CSV."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adapter_stages import METHODS, RANKS, TARGETS, Done, Run, best_rate, ranking, score
from isotrope.io.files import replacing

DOCS = Path(__file__).parents[1] / "docs"
FIGURE, PAGE = DOCS / "images" / "adapter-study.png", DOCS / "results" / "adapters.md"
BEGIN, END = "<!-- adapter-study: written by benchmarks/adapter_study.py -->", "<!-- end -->"
LAYERS = dict(
    zip(TARGETS, ("all", "attention, mlp", "filters", "last stage, neck", "neck"), strict=True)
)
LEFT = "error left, % of that without"
DIVERGED = 100
"""More of the error left than this is drawn at the top of the figure."""


class Results:
    """The rows of one base: what was compared in short runs, and in long ones.

    Attributes:
        first: The setting of the first stage, LoRA of rank 8 on all layers, in short runs.
        tune: The sets of the short runs.
        sets: All sets.
        seen: Length of the long runs; None if there is none.
    """

    def __init__(self, done: Done) -> None:
        ((base, _),) = Counter(run.base for run in done).most_common(1)
        self.done = {run: row for run, row in done.items() if run.base == base}
        lengths = sorted({run.seen for run in self.done})
        ((lines, _),) = Counter(run.lines for run in self.done).most_common(1)
        self.first = Run(base, "", lines=lines, seen=lengths[0])
        self.seen = lengths[-1] if len(lengths) > 1 else None
        often = Counter(run.set for run in self.done if run.seen == lengths[0])
        self.tune = [name for name, n in often.items() if n > max(often.values()) / 2]
        self.sets = list(dict.fromkeys([*self.tune, *(run.set for run in self.done)]))

    def left(self, run: Run) -> float:
        """Percent of the error at the start that is left; NaN: not known."""
        return 100 * math.exp(score(self.done, run, self.tune))

    def tuned(self, run: Run) -> Run:
        """The run at its best learning rate."""
        return replace(run, learning_rate=best_rate(self.done, run, self.tune))

    def value(self, run: Run, column: str) -> str | None:
        """A column of a run's row."""
        row = self.done.get(run)
        return None if row is None else row[column]


def draw(done: Done) -> None:
    """Write `docs/images/adapter-study.png`."""
    results = Results(done)
    drawn = [_rates, _ranks, _layers, *([_lines] if _long(results) else [])]
    figure = Figure(figsize=(4.5 * len(drawn), 4), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(drawn)), drawn, strict=True):
        panel(axes, results)
    with replacing(FIGURE) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _curve(axes: Axes, points: Mapping[int, float] | Mapping[float, float], label: str) -> None:
    known = {x: y for x, y in sorted(points.items()) if not math.isnan(y)}
    if known:
        axes.plot(list(known), [min(y, DIVERGED) for y in known.values()], "o-", label=label)


def _rates(axes: Axes, results: Results) -> None:
    rates = {run.learning_rate for run in results.done}
    for method in METHODS:
        runs = {rate: replace(results.first, method=method, learning_rate=rate) for rate in rates}
        _curve(axes, {rate: results.left(run) for rate, run in runs.items()}, method)
    axes.set(xscale="log", xlabel="learning rate", ylabel=LEFT)
    axes.set_title("rank 8, all layers; at the top: diverged")
    axes.legend()


def _ranks(axes: Axes, results: Results) -> None:
    for method in METHODS:
        runs = {rank: replace(results.first, method=method, rank=rank) for rank in RANKS}
        _curve(axes, {rank: results.left(results.tuned(run)) for rank, run in runs.items()}, method)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="rank", ylabel=LEFT, title="all layers, at the best learning rates")
    axes.set_xticks(RANKS, [str(rank) for rank in RANKS])


def _layers(axes: Axes, results: Results) -> None:
    for targets, name in LAYERS.items():
        run = results.tuned(replace(results.first, targets=targets))
        count = results.value(replace(run, set=results.tune[0]), "parameters")
        if count:
            bars = axes.bar(name, results.left(run), color="C0")
            axes.bar_label(bars, [f"{int(count):,}"], fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.set(ylabel=LEFT, ylim=(0, 100), title="LoRA of rank 8 on some layers; parameters")


def _lines(axes: Axes, results: Results) -> None:
    sizes = ("100", results.first.lines, "all")
    for run in _long(results):
        points = {
            place: results.left(replace(run, lines=lines)) for place, lines in enumerate(sizes)
        }
        if sum(not math.isnan(value) for value in points.values()) > 1:
            _curve(axes, points, _named(run))
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set(xlabel="lines to train on", ylabel=LEFT, title=f"{results.seen or 0:,} lines seen")
    if axes.lines:
        axes.legend()


def _long(results: Results) -> list[Run]:
    """The settings that had long runs, at their best learning rates, best first."""
    if results.seen is None:
        return []
    start = replace(results.first, seen=results.seen)
    return [results.tuned(run) for run in ranking(results.done, start, results.tune)]


def _named(run: Run) -> str:
    layers = "" if run.targets == "all" else f", {LAYERS[run.targets]}"
    return f"{run.method}, rank {run.rank}{layers}"


def write_table(done: Done, path: Path) -> None:
    """Write the tables into `docs/results/adapters.md`, between its markers or at its end."""
    results = Results(done)
    short = [results.tuned(r) for r in ranking(results.done, results.first, results.tune)]
    parts = [_HEAD.format(r=results, n=len(done), names=", ".join(results.tune), csv=path.name)]
    parts += [_table(results, short, results.tune)]
    if long := _long(results):
        parts += [f"\n{results.seen:,} lines seen, also on the other sets:\n"]
        parts += [_table(results, long, results.sets)]
    text = "\n".join([BEGIN, *parts, END])
    page = PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    gap = "" if found else "\n"
    with replacing(PAGE) as temporary:
        temporary.write_text(before + gap + text + after, encoding="utf-8")


_HEAD = """## Which settings: the study

{n} runs from the base `{r.first.base}`, each on {r.first.lines} lines, {r.first.seen:,} seen
unless said otherwise, validated on other lines of the training parts, without a language model.
Each setting is at its own best learning rate, tuned on {names}. "Error left" is the character error
rate as a percentage of that without an adapter (geometric mean over these sets). Every run:
`benchmarks/results/{csv}`.

![Error left by learning rate, rank and layers](../images/adapter-study.png)
"""


def _table(results: Results, runs: list[Run], sets: list[str]) -> str:
    """One row a setting: learning rate, size, error left, error rates."""
    before = {
        name: next(float(row["before"]) for run, row in results.done.items() if run.set == name)
        for name in sets
    }
    lines = [
        f"| setting | learning rate | parameters | error left | {' | '.join(sets)} |",
        "|---|---|---|---|" + "---|" * len(sets),
        "| none | | | 100% | " + " | ".join(f"{100 * before[name]:.2f}%" for name in sets) + " |",
    ]
    for run in runs:
        count = results.value(replace(run, set=results.tune[0]), "parameters")
        cers = [results.value(replace(run, set=name), "cer") for name in sets]
        shown = " | ".join("" if cer is None else f"{100 * float(cer):.2f}%" for cer in cers)
        lines.append(
            f"| {_named(run)} | {run.learning_rate:g} | {int(count or 0):,} | "
            f"{results.left(run):.1f}% | {shown} |"
        )
    return "\n".join(lines) + "\n"
