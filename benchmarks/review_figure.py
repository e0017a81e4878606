"""Draw docs/images/review.png: error rates by the number of corrected lines, a panel for each set.

`benchmarks/review.py` draws it, and makes the results that it shows.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, StrMethodFormatter

from figures import grouped
from isotrope.io.files import replacing
from measuring import newest

PATH = Path(__file__).parents[1] / "docs" / "images" / "review.png"
METHODS = {
    "review": ("C0-o", "chosen by adapt --review"),
    "again": ("C2-^", "chosen anew at each step"),
    "drawn": ("C1-.v", "drawn by doubt"),
    "random": ("C7--s", "at random"),
}


def draw() -> None:
    """Draw the newest results."""
    sets = grouped(newest("review"), "set")
    figure = Figure(figsize=(3.4 * len(sets), 3.2), layout="constrained")
    panels = figure.subplots(1, len(sets), squeeze=False)[0]
    for panel, ((name,), lines) in zip(panels, sets.items(), strict=True):
        _panel(panel, name, lines)
    panels[0].set_ylabel("character error rate, %")
    if panels[0].lines:
        panels[0].legend(frameon=False, fontsize=8)
    with replacing(PATH) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _panel(panel: Axes, name: str, lines: list[dict[str, str]]) -> None:
    base = [100 * float(line["cer"]) for line in lines if line["corrected"] == "0"]
    counts = sorted({int(line["corrected"]) for line in lines})
    for method, (style, label) in METHODS.items():
        at = {
            count: [
                100 * float(line["cer"])
                for line in lines
                if line["method"] == method and int(line["corrected"]) == count
            ]
            for count in counts
            if count
        }
        at = {0: base} | at
        known = [count for count in counts if at[count]]
        if len(known) < 2:
            continue
        panel.plot(known, [mean(at[count]) for count in known], style, label=label, markersize=4)
        low, high = ([pick(at[count]) for count in known] for pick in (min, max))
        panel.fill_between(known, low, high, color=style[:2], alpha=0.15, linewidth=0)
    panel.set_title(name, fontsize=10)
    panel.set_xscale("symlog", linthresh=25)
    panel.xaxis.set_major_locator(FixedLocator(counts))
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    panel.xaxis.set_minor_locator(FixedLocator([]))
    panel.set_xlabel("corrected lines")
    panel.set_ylim(bottom=0)
