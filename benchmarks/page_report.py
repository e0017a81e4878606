"""Make the tables and the figure of benchmarks/pages.py from its CSV."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, median

from matplotlib.figure import Figure

from isotrope.io.files import replacing
from ocr_report import markdown
from page_scoring import Counts

Row = dict[str, str]
QUARTERS = ("0", "90", "180", "270")


def tables(rows: Sequence[Row]) -> str:
    """Format as Markdown: word F1 by condition, then lines, order, sameness, time and memory."""
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    by_reader = _grouped(rows)
    f1 = [["reader", *conditions]]
    more = [["reader", "lines, F1", "CER in order", "same at four turns", "s a page", "peak MB"]]
    for reader, own in by_reader.items():
        shown = [[row for row in own if row["condition"] == c] for c in conditions]
        f1.append([reader, *(_percent(mean_f1(part, "words")) for part in shown)])
        upright = [row for row in own if row["condition"] == "0"] or own
        more.append(
            [
                reader,
                _percent(mean_f1(upright, "lines")),
                _percent(_cer(upright)),
                _percent(same_share(own)),
                _shown(median, [float(row["seconds"]) for row in upright if row["seconds"]], 2),
                _shown(max, [int(row["peak_mb"]) for row in own if row["peak_mb"]], 0),
            ]
        )
    return f"Word F1 (%), mean over pages:\n\n{markdown(f1)}\nUpright:\n\n{markdown(more)}"


def mean_f1(rows: Sequence[Row], what: str) -> float | None:
    """Mean over pages of the F1 of "words" or "lines"; None if the reader gives none.

    A page that could not be read counts as 0.
    """
    found = "read" if what == "words" else "found"
    if not any(row[f"{what}_right"] for row in rows):
        return None
    return fmean(
        Counts(*(int(row[f"{what}_{column}"]) for column in ("right", found, "true"))).f1
        if row[f"{what}_right"]
        else 0.0
        for row in rows
    )


def same_share(rows: Sequence[Row]) -> float | None:
    """Fraction of pages with the same, not empty, document at all four quarter turns."""
    turns: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row["condition"] in QUARTERS:
            turns[row["page"]][row["condition"]] = row
    whole = [four for four in turns.values() if len(four) == len(QUARTERS)]
    if not whole or not any(row["words_read"] for row in rows):
        return None
    return fmean(
        len({row["upright"] for row in four.values()}) == 1
        and all(int(row["words_read"] or 0) for row in four.values())
        for four in whole
    )


def complete(rows: Sequence[Row]) -> list[Row]:
    """Select the readers that were measured on the most pages under the most conditions."""
    counts = Counter((row["pages"], row["reader"]) for row in rows)
    most = max(counts.values())
    return [row for row in rows if counts[row["pages"], row["reader"]] == most]


def draw(rows: Sequence[Row], path: Path) -> None:
    """Save `bars` as an image."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    bars(figure, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:] or "png", dpi=150)


def bars(figure: Figure, rows: Sequence[Row]) -> None:
    """Draw word F1 by condition, a group of bars for each reader that reads."""
    every = _grouped(rows)
    by_reader = {name: own for name, own in every.items() if any(r["words_right"] for r in own)}
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(by_reader))
    for place, (reader, own) in enumerate(by_reader.items()):
        shown = [[row for row in own if row["condition"] == c] for c in conditions]
        heights = [100 * (mean_f1(part, "words") or 0.0) for part in shown]
        at = [x + (place - (len(by_reader) - 1) / 2) * width for x in range(len(conditions))]
        axes.bar(at, heights, width, label=reader)
    named = [f"{c}°" if c.lstrip("-").isdigit() else c.replace("-", "\n") for c in conditions]
    axes.set_xticks(range(len(conditions)), named)
    axes.set_ylabel("word F1 (%)")
    axes.set_ylim(0, 100)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_reader: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_reader[row["reader"]].append(row)
    return by_reader


def _cer(rows: Sequence[Row]) -> float | None:
    """Mean over pages; a page that could not be read counts as 1, since all of its text is lost."""
    if not any(row["edits"] for row in rows):
        return None
    return fmean(
        int(row["edits"]) / max(1, int(row["characters"])) if row["edits"] else 1.0 for row in rows
    )


def _shown(of: Callable[[list[float]], float], values: list[float], digits: int) -> str:
    return f"{of(values):.{digits}f}" if values else ""


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"
