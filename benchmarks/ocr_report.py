"""Make the tables and the figure of benchmarks/ocr.py from its CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from isotrope.groups import TURNS
from isotrope.io.files import replacing
from readers import FOUR_TURNS, OWN

Row = dict[str, str]
MEASURES = {
    "CER": "cer",
    "CER, case left out": "cer_nocase",
    "right": "exact",
    "right, letters and digits": "alphanumeric",
    "same text at four turns": "same4",
    "orientation right": "orientation",
}
"""Table headings of the columns with fractions."""
STYLES = {"": "o-", OWN: "s--", FOUR_TURNS: "D:"}
"""Marker and line by a reader's handling of orientation; its plain name sets the color."""


def accuracy(row: Row) -> float:
    """Percent, higher is better: words right in letters and digits, or 100 less a line's CER.

    Case is ignored if the labels have none.
    """
    if row["kind"] == "words":
        return 100 * float(row["alphanumeric"])
    return 100 * (1 - float(row["cer" if row["cased"] == "True" else "cer_nocase"]))


def accuracy_name(row: Row) -> str:
    if row["kind"] == "words":
        return "words right, letters and digits (%)"
    return "100 - CER (%)" + ("" if row["cased"] == "True" else ", case left out")


def tables(rows: list[Row]) -> str:
    """Format as Markdown, for each set: all measures at its first angle, then accuracy by angle."""
    parts = []
    for (name, selection), own in _grouped(rows, "set", "selection"):
        angles = sorted({int(row["angle"]) for row in own})
        parts.append(f"### {name}: {selection}, {own[0]['kind']}\n")
        first = [row for row in own if int(row["angle"]) == angles[0]]
        parts.append(f"At {angles[0]} degrees:\n\n{_measures(first)}")
        if len(angles) > 1:
            parts.append(f"By angle, {accuracy_name(own[0])}:\n\n{_by_angle(own, angles)}")
    return "\n".join(parts)


def _measures(rows: list[Row]) -> str:
    lines = [["reader", *MEASURES, "CPU ms", "peak MB"]]
    for row in rows:
        shares = [f"{100 * float(row[c]):.1f}%" if row[c] else "" for c in MEASURES.values()]
        cost = [f"{float(row['ms']):.1f}", f"{float(row['peak_mb']):.0f}"]
        lines.append([row["reader"], *shares, *cost])
    return markdown(lines)


def _by_angle(rows: list[Row], angles: list[int]) -> str:
    lines = [["reader", *map(str, angles)]]
    for (reader,), own in _grouped(rows, "reader"):
        at = {int(row["angle"]): f"{accuracy(row):.1f}" for row in own}
        lines.append([reader, *(at.get(angle, "") for angle in angles)])
    return markdown(lines)


def markdown(lines: list[list[str]]) -> str:
    """Format rows as a table; the first is the header."""
    lines.insert(1, ["---"] + ["---:"] * (len(lines[0]) - 1))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def styles(readers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Color, marker and line of each reader."""
    parts = {}
    for reader in readers:
        handling = next((h for h in (OWN, FOUR_TURNS) if reader.endswith(h)), "")
        parts[reader] = (reader.removesuffix(handling), STYLES[handling])
    plain = list(dict.fromkeys(name for name, _ in parts.values()))
    return {reader: (f"C{plain.index(p) % 10}", style) for reader, (p, style) in parts.items()}


def draw(rows: list[Row], path: Path) -> None:
    """Draw the figure as PNG: for each set, accuracy against CPU milliseconds and angle."""
    groups = list(_grouped(rows, "set", "selection"))
    looks = styles(dict.fromkeys(row["reader"] for row in rows))
    figure = Figure(figsize=(11, 3.6 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), 2, squeeze=False)
    for (left, right), ((name, selection), own) in zip(panels, groups, strict=True):
        left.set_title(f"{name}: {selection}", loc="left", fontsize=10)
        _against_cost(left, own, looks)
        _against_angle(right, own, looks)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _against_cost(panel: Axes, rows: list[Row], looks: dict[str, tuple[str, str]]) -> None:
    """Plot upright images as hollow markers, and means over four turns, if known, as solid ones."""
    for (reader,), own in _grouped(rows, "reader"):
        color, style = looks[reader]
        at = {int(row["angle"]): row for row in own}
        upright = [at[0]] if 0 in at else own
        all_turns = [at[turn] for turn in TURNS] if set(TURNS) <= set(at) else []
        for group, face in ((upright, "none"), (all_turns, color)):
            if group:
                x, y = mean(float(row["ms"]) for row in group), mean(map(accuracy, group))
                panel.plot(x, y, style[0], mec=color, mfc=face, ms=8)
        panel.plot([], [], style[0], color=color, label=reader)
    panel.set_xscale("log")
    for axis in (panel.xaxis.set_major_formatter, panel.xaxis.set_minor_formatter):
        axis(StrMethodFormatter("{x:g}"))
    panel.set_xlabel("CPU ms an image (hollow: upright; full: mean of four turns)")
    panel.set_ylabel(accuracy_name(rows[0]), fontsize=8)
    panel.grid(alpha=0.3, which="both")
    panel.legend(fontsize=7)


def _against_angle(panel: Axes, rows: list[Row], looks: dict[str, tuple[str, str]]) -> None:
    for (reader,), own in _grouped(rows, "reader"):
        color, style = looks[reader]
        at = sorted((int(row["angle"]), accuracy(row)) for row in own)
        panel.plot(*zip(*at, strict=True), style, color=color, ms=4)
    panel.set(xlabel="degrees turned, counter-clockwise", xticks=range(0, 360, 45))
    panel.grid(alpha=0.3)


def _grouped(rows: Iterable[Row], *columns: str) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    yield from groups.items()
