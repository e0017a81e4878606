"""Draw docs/images/review.png: error rates by what was corrected, in a row of panels for each set.

Left by the number of corrected lines; right by that of the characters that were wrong in them.

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
    figure = Figure(figsize=(7, 3 * len(sets)), layout="constrained")
    panels = figure.subplots(len(sets), 2, squeeze=False, sharey="row")
    for (by_lines, by_characters), ((name,), lines) in zip(panels, sets.items(), strict=True):
        _panel(by_lines, lines, "corrected")
        _panel(by_characters, lines, "wrong")
        by_lines.set(xlabel="corrected lines", ylabel=f"{name}: character error rate, %")
        by_lines.xaxis.set_major_locator(FixedLocator(sorted({int(x["corrected"]) for x in lines})))
        by_characters.set_xlabel("characters that were wrong in them")
    panels[0, 0].legend(frameon=False, fontsize=8)
    with replacing(PATH) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _panel(panel: Axes, lines: list[dict[str, str]], effort: str) -> None:
    """A curve for each method: means over its seeds, and their range."""
    start = [line for line in lines if line["corrected"] == "0"]
    for method, (style, label) in METHODS.items():
        own = [line for line in lines if line["method"] == method and line["corrected"] != "0"]
        runs = grouped(start + own, "corrected").values()
        runs = sorted(runs, key=lambda at: int(at[0]["corrected"]))
        if len(runs) < 2:
            continue
        x = [mean(float(line[effort]) for line in at) for at in runs]
        rates = [[100 * float(line["cer"]) for line in at] for at in runs]
        panel.plot(x, [mean(at) for at in rates], style, label=label, markersize=4)
        low, high = [min(at) for at in rates], [max(at) for at in rates]
        panel.fill_between(x, low, high, color=style[:2], alpha=0.15, linewidth=0)
    panel.set_xscale("symlog", linthresh=25 if effort == "corrected" else 200)
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    panel.xaxis.set_minor_locator(FixedLocator([]))
    panel.set_ylim(bottom=0)
