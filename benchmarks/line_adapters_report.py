"""The tables of docs/results/adapters.md, from the newest results of line_adapters.py.

python benchmarks/line_adapters_report.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from line_adapters import KEPT, OTHERS, SETS
from measuring import newest

Row = Mapping[str, str]
SIZES = {"100 lines": 100, "500 lines": 500, "all lines": 501}  # all: more than 500


def accuracy(rows: Iterable[Row]) -> str:
    """Error rates of each set's held-out lines: PP-OCRv6-small, without an adapter, and with it."""
    found = {(row["set"], row["method"], size_of(row)): row for row in rows}
    lines = [
        "| | held-out lines | PP-OCRv6-small | without the adapter | with it | WER |",
        "|---|---|---|---|---|---|",
    ]
    for name in SETS:
        kinds = [found.get((name, method, 0)) for method in ("ppocr", "none")]
        kinds.append(found.get((name, "shipped", SIZES["all lines"])))
        if not any(kinds):
            continue
        column = "cer_without_case" if name == "receipts" else "cer"
        count = next(row["valid_lines"] for row in kinds if row)
        wer = percent(kinds[2], "wer")
        cells = [percent(row, column) for row in kinds]
        label = f"`{name}`" + (", case left out" if name == "receipts" else "")
        lines.append(f"| {label} | {count} | {cells[0]} | {cells[1]} | **{cells[2]}** | {wer} |")
    return "\n".join(lines)


def parts(rows: Iterable[Row]) -> str:
    """Error rates of each source of a set's held-out lines, where it has several."""
    lines = [
        "| | source | lines | PP-OCRv6-small | without | with it |",
        "|---|---|---|---|---|---|",
    ]
    found = {(row["set"], row["method"]): json.loads(row.get("parts") or "{}") for row in rows}
    for name in SETS:
        kinds = [found.get((name, method), {}) for method in ("ppocr", "none", "shipped")]
        for source in kinds[-1] if len(kinds[-1]) > 1 else ():
            rates = [f"{100 * kind[source][1]:.1f}%" if source in kind else "–" for kind in kinds]
            cells = " | ".join(rates)
            lines.append(f"| `{name}` | {source} | {kinds[-1][source][0]} | {cells} |")
    return "\n".join(lines)


def sizes(rows: Iterable[Row]) -> str:
    """Error rates by number of training lines: an adapter, all weights, the published weights."""
    found = {(row["set"], row["method"], size_of(row)): row for row in rows}
    methods = {
        "lora": "an adapter",
        "full": "all weights",
        "published": "an adapter of the published weights",
    }
    lines = ["| | trained | " + " | ".join(SIZES) + " |", "|---|---|---|---|---|"]
    for name in SETS:
        for method, label in methods.items():
            kinds = [found.get((name, method, size)) for size in SIZES.values()]
            if method == "lora":  # all its lines: the adapter that ships
                kinds[-1] = found.get((name, "shipped", SIZES["all lines"]))
            if any(kinds):
                cells = " | ".join(percent(row, "cer") for row in kinds)
                lines.append(f"| `{name}` | {label} | {cells} |")
    return "\n".join(lines)


def forgotten(rows: Iterable[Row]) -> str:
    """Error rates of other sets after all weights were trained on one."""
    kept = [*KEPT, *OTHERS]
    lines = ["| trained on | " + " | ".join(kept) + " |", "|" + "---|" * (len(kept) + 1)]
    for row in rows:
        if row["method"] == "full" or (row["method"] == "none" and row["set"] == SETS[0]):
            label = f"`{row['set']}`, {row['train_lines']}" if row["method"] == "full" else "none"
            cells = " | ".join(percent(row, f"{name}_cer") for name in kept)
            lines.append(f"| {label} | {cells} |")
    return "\n".join(lines)


def size_of(row: Row) -> int:
    """The number of training lines; 501 for more, as for all."""
    count = row["train_lines"]
    return SIZES["all lines"] if count == "all" else min(int(count), SIZES["all lines"])


def percent(row: Row | None, column: str) -> str:
    """A rate in percent, or a dash."""
    return f"{100 * float(row[column]):.1f}%" if row and row[column] else "–"


def main() -> None:
    rows = newest("line-adapters")
    print(*(table(rows) for table in (accuracy, parts, sizes, forgotten)), sep="\n\n")


if __name__ == "__main__":
    main()
