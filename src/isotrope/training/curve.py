"""The log of a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isotrope.io.files import replacing


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
