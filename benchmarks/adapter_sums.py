"""Error rates of weighted sums of shipped adapters, on the lines held out of their training.

    python benchmarks/adapter_sums.py --data DATA --sets fraktur typescript --others print=LINES.tar

The sets are those of recipes/adapters, and so are their held-out lines; no adapter has seen the
others. --lines of each are read upright, spread over the set. With `auto` each line is read with
the adapter that is likeliest for it. benchmarks/results gets adapter-sums-DATE.csv: a row for each
set and adapter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from isotrope import Reader
from isotrope.data.lines import LabeledLines
from isotrope.text.metrics import cer
from isotrope.training.line_sets import evenly
from isotrope.training.relabel import as_bytes
from line_adapters import SETS, held_out
from measuring import made_by, write_csv

ADAPTERS = (
    *("none", "fraktur", "typescript", "testaments"),
    *("0.5*fraktur+0.5*typescript", "fraktur+typescript", "0.7*fraktur+0.3*typescript"),
    *("0.5*testaments+0.5*typescript", "auto"),
)


def main() -> None:
    """Read each set with each adapter."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="as in recipes/adapters/README.md")
    parser.add_argument("--sets", nargs="*", default=["fraktur", "typescript"], choices=SETS)
    parser.add_argument("--others", nargs="*", default=[], metavar="NAME=LINES")
    parser.add_argument("--adapters", nargs="+", default=ADAPTERS)
    parser.add_argument("--weights", help="a folder of a line recognizer")
    parser.add_argument("--lines", type=int, default=200)
    options = parser.parse_args()
    base = Reader.from_pretrained(path=options.weights, threads=1)
    sets = {name: held_out(name, options.data) for name in options.sets}
    others = (entry.split("=", 1) for entry in options.others)
    sets |= {name: LabeledLines(path) for name, path in others}
    rows = []
    for name, lines in sets.items():
        some = [lines[place] for place in evenly(len(lines), options.lines)]
        images, texts = [as_bytes(image) for image, _ in some], [text for _, text in some]
        for adapter in options.adapters:
            said = base.with_adapter(adapter).engine.read(images)
            error = round(cer([line.text for line in said], texts), 4)
            row = {"set": name, "adapter": adapter, "lines": len(texts), "cer": error}
            rows.append(row | made_by())
            print(f"{name:12} {adapter:32} {100 * error:5.1f}%", flush=True)
    print(write_csv("adapter-sums", rows, ("set", "adapter")))


if __name__ == "__main__":
    main()
