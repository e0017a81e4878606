"""Error rates of weighted sums of adapters, on the lines held out of their training.

    python benchmarks/adapter_sums.py --data fraktur=LINES.tar typescript=LINES.tar print=LINES/

Every tenth line of a set was held out; --lines of them are read upright, spread over the set. With
`auto` each line is read with the adapter that is likeliest for it. benchmarks/results gets
adapter-sums-DATE.csv: a row for each set and adapter.
"""

from __future__ import annotations

import argparse

import numpy as np

from isotrope import Reader
from isotrope.data.pages import load_lines
from isotrope.text.metrics import cer
from isotrope.training.line_sets import evenly, usable
from isotrope.training.tasks.adaptation import line_unfit
from measuring import made_by, write_csv

ADAPTERS = (
    *("none", "fraktur", "typescript", "testaments"),
    *("0.5*fraktur+0.5*typescript", "fraktur+typescript", "0.7*fraktur+0.3*typescript"),
    *("0.5*testaments+0.5*typescript", "auto"),
)


def held_out(path: str, count: int, charset: str) -> tuple[list[np.ndarray], list[str]]:
    """Lines that no adapter was trained on, as pixels (H, W, 3), and their texts."""
    _, lines = usable(load_lines(path), 10, frozenset(charset).issuperset, line_unfit)
    images, texts = zip(*(lines[n] for n in evenly(len(lines), count)), strict=True)
    return [(image * 255).round().byte().permute(1, 2, 0).numpy() for image in images], list(texts)


def main() -> None:
    """Read each set with each adapter."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=LINES")
    parser.add_argument("--adapters", nargs="+", default=ADAPTERS)
    parser.add_argument("--weights", help="a folder of a line recognizer")
    parser.add_argument("--lines", type=int, default=200)
    options = parser.parse_args()
    base = Reader.from_pretrained(path=options.weights, threads=1)
    charset = base.engine.session.charset
    rows = []
    for name, path in (entry.split("=", 1) for entry in options.data):
        images, texts = held_out(path, options.lines, charset)
        for adapter in options.adapters:
            said = base.with_adapter(adapter).engine.read(images)
            error = round(cer([line.text for line in said], texts), 4)
            row = {"set": name, "adapter": adapter, "lines": len(texts), "cer": error}
            rows.append(row | made_by())
            print(f"{name:12} {adapter:32} {100 * error:5.1f}%", flush=True)
    print(write_csv("adapter-sums", rows, ("set", "adapter")))


if __name__ == "__main__":
    main()
