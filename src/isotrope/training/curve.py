"""The log of a run as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from isotrope.groups import TURNS
from isotrope.io.files import replacing


def draw_curve(log: str | Path, path: str | Path) -> None:
    """Draws accuracy and character error rate of every validation set against samples seen.

    The mean over the four turns; a band shows their spread, which is nil where the model is exact.
    Does nothing for a log without rows.
    """
    from matplotlib.figure import Figure

    with Path(log).open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    panels = figure.subplots(1, 2)
    for panel, key, label in zip(
        panels, ("accuracy", "cer"), ("words read exactly", "character error rate"), strict=True
    ):
        names = sorted({column.split(f"_{key}_")[0] for column in rows[0] if f"_{key}_" in column})
        for name in names:
            points = [
                (int(row["samples"]), [float(row[f"{name}_{key}_{d}"]) for d in TURNS])
                for row in rows
                if row.get(f"{name}_{key}_0")
            ]
            samples = [samples / 1000 for samples, _ in points]
            panel.plot(samples, [sum(v) / 4 for _, v in points], marker="o", label=name)
            panel.fill_between(
                samples, [min(v) for _, v in points], [max(v) for _, v in points], alpha=0.2
            )
        panel.set(xlabel="thousand samples seen", ylabel=label, ylim=(0, 1))
        panel.legend(frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def draw_log(
    rows: Sequence[Mapping[str, float]], panels: Mapping[str, Sequence[str]], path: str | Path
) -> None:
    """Draw columns of a log against the examples seen, or the epochs where there are any.

    Does nothing for fewer than two rows: a point is no curve.

    Args:
        rows: Of log.csv.
        panels: The columns of each panel, by its label; one without columns is left out.
        path: The PNG.
    """
    panels = {label: columns for label, columns in panels.items() if columns}
    if len(rows) < 2 or not panels:
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(panels), 3.5), layout="constrained")
    along = "epochs" if "epochs" in rows[0] else "examples"
    for panel, (label, columns) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for column in columns:
            points = [(row[along], row[column]) for row in rows if column in row]
            panel.plot(*zip(*points, strict=True), marker=".", label=column)
        panel.set(xlabel=along, ylabel=label)
        panel.legend(frameon=False, fontsize="small")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
