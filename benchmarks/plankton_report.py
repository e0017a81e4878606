"""Write the tables and the figure of docs/results/plankton.md from the newest results.

python benchmarks/plankton_report.py
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from figures import look
from isotrope.io.files import replacing
from measuring import newest, newest_path, table

DOCS = Path(__file__).parents[1] / "docs"
PAGE, FIGURE = DOCS / "results" / "plankton.md", DOCS / "images" / "plankton.png"
MARK = "<!-- {}: written by benchmarks/plankton_report.py -->", "<!-- end of {} -->"

Line = dict[str, str]
Rows = dict[str, dict[float, list[Line]]]
"""The lines of each row and fraction: one for each seed."""


def grouped(lines: Iterable[Line]) -> Rows:
    """The lines by row, with how it was read, and by fraction."""
    rows: Rows = defaultdict(lambda: defaultdict(list))
    for line in lines:
        name = line["row"] + ("" if line["read"] == "once" else f", {line['read']}")
        rows[name][float(line["fraction"])].append(line)
    return {name: dict(sorted(rows[name].items())) for name in sorted(rows)}


def percent(lines: list[Line], column: str) -> float:
    return 100 * mean(float(line[column]) for line in lines)


def spread(lines: list[Line], column: str = "four_turns") -> str:
    """The mean and half the range over the seeds."""
    values = [100 * float(line[column]) for line in lines]
    half = f" ± {(max(values) - min(values)) / 2:.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{half}"


def fractions_of(rows: Rows) -> list[float]:
    return sorted({fraction for each in rows.values() for fraction in each})


def whole_set(rows: Rows) -> str:
    """The rows on the largest fraction, at several angles."""
    largest = fractions_of(rows)[-1]
    header = [
        *("row", "parameters", "ms an image", "epochs", "seeds", "upright, %"),
        *("four turns, %", "all angles, %", "logits move by"),
    ]
    body = []
    for name, each in rows.items():
        if lines := each.get(largest):
            first = lines[0]
            moved = max(float(line["moved"]) for line in lines)
            body.append(
                [
                    *(name, f"{int(first['parameters']):,}", f"{float(first['ms_an_image']):.2f}"),
                    *(f"{float(first['epochs']):.0f}", str(len(lines)), spread(lines, "accuracy")),
                    *(spread(lines), spread(lines, "all_angles"), f"{moved:.0e}"),
                ]
            )
    return table(header, body)


def by_fraction(rows: Rows) -> str:
    """The mean accuracy at the four turns with fewer images."""
    fractions = fractions_of(rows)
    header = ["row", *(f"{100 * f:.0f}% of the images" for f in fractions)]
    body = (
        [name, *(spread(each[f]) if f in each else "" for f in fractions)]
        for name, each in rows.items()
    )
    return table(header, body)


def is_equivariant(name: str) -> bool:
    return any(name.removesuffix("-unturned").endswith(group) for group in ("-c4", "-c8", "-d4"))


def ahead(rows: Rows) -> str:
    """By how many points the equivariant row that validates best is ahead of the others."""
    fractions = fractions_of(rows)
    best = {}
    for f in fractions:
        chosen = {n: each[f] for n, each in rows.items() if is_equivariant(n) and f in each}
        if chosen:
            best[f] = max(chosen, key=lambda n, c=chosen: percent(c[n], "valid_accuracy"))
    header = ["ahead of", *(f"{100 * f:.0f}%: {best.get(f, '')}" for f in fractions)]

    def points(name: str, f: float) -> str:
        if f not in best or f not in rows[name]:
            return ""
        own, other = (percent(rows[n][f], "four_turns") for n in (best[f], name))
        return f"{own - other:+.1f}"

    others = [name for name in rows if not is_equivariant(name)]
    return table(header, ([name, *(points(name, f) for f in fractions)] for name in others))


def provenance(lines: list[Line], study: str) -> str:
    """Commit, machine and file of the results."""
    commits, machines = (sorted({line[c] for line in lines}) for c in ("commit", "machine"))
    return f"Commit {', '.join(commits)}; {', '.join(machines)}; `{study}`."


def pretrained(lines: list[Line]) -> str:
    """The table of what is made of one pretrained ViT."""
    by_method: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_method[line["method"]].append(line)
    header = [
        *("model", "trained parameters", "passes", "seeds", "upright, %", "four turns, %"),
        *("all angles, %", "logits move by"),
    ]
    body = []
    for name, each in by_method.items():
        moved = max(float(line["moved"]) for line in each)
        body.append(
            [
                *(name, f"{int(each[0]['trained']):,}", each[0]["passes"], str(len(each))),
                *(spread(each, c) for c in ("accuracy", "four_turns", "all_angles")),
                f"{moved:.0e}",
            ]
        )
    return table(header, body)


def draw(rows: Rows) -> None:
    """Write docs/images/plankton.png: accuracy at the four turns by the share of the images."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    for name, each in rows.items():
        points = {100 * f: percent(lines, "four_turns") for f, lines in each.items()}
        width = 2.5 if is_equivariant(name) else 1.2
        axes.plot(list(points), list(points.values()), label=name, linewidth=width, **look(name))
    axes.set_xscale("log")
    axes.set_xticks([100 * f for f in fractions_of(rows)])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}%"))
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("share of the training images")
    axes.set_ylabel("accuracy at the four turns, %")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8, handlelength=4)
    with replacing(FIGURE) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def put(section: str, text: str) -> None:
    """Replace what stands between the marks of a section of the page.

    Raises:
        ValueError: The page lacks one of the marks.
    """
    begin, end = (mark.format(section) for mark in MARK)
    before, begun, rest = PAGE.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{PAGE} has no section between {begin!r} and {end!r}; write both there")
    with replacing(PAGE) as temporary:
        temporary.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def main() -> None:
    try:
        lines = newest("plankton")
    except FileNotFoundError as error:
        print(error)
    else:
        rows = grouped(lines)
        draw(rows)
        picture = "![Accuracy against the share of the images](../images/plankton.png)"
        texts = (whole_set(rows), picture, by_fraction(rows), ahead(rows))
        put("rows", "\n\n".join((*texts, provenance(lines, newest_path("plankton").name))))
    try:
        lines = newest("plankton-pretrained")
    except FileNotFoundError as error:
        print(error)
    else:
        own = provenance(lines, newest_path("plankton-pretrained").name)
        put("pretrained", "\n\n".join((pretrained(lines), own)))


if __name__ == "__main__":
    main()
