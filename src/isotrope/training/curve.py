"""Plots of a run's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isotrope.io.files import replacing


def draw_log(
    rows: Sequence[Mapping[str, float]], panels: Mapping[str, Sequence[str]], path: str | Path
) -> None:
    """Plot columns of a log against the examples seen, or against epochs if the log has them.

    Does nothing for fewer than two rows.

    Args:
        rows: The rows of log.csv.
        panels: The columns of each panel, by its label; a panel without columns is left out.
        path: The PNG file to write.
    """
    known = set().union(*rows)
    panels = {label: [c for c in columns if c in known] for label, columns in panels.items()}
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
