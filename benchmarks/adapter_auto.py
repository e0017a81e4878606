"""How well `--adapter auto` chooses, by the labeled lines of pages.

    python benchmarks/adapter_auto.py --pages PAGES/ --names valid-pages.txt

The lines of a page are cut along their labeled outlines. A few of them choose an adapter, as in
`isotrope read --adapter auto`; then all are read with each adapter, up to --lines a page. Printed,
and written to benchmarks/results/adapter-auto-DATE.csv: the character error rate over all pages
without an adapter, with each, with the chosen one, and with the one that makes the fewest errors
(`oracle`), which no choice can beat.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from isotrope.data.pages import PageLines
from isotrope.ocr.engines import make_engine
from isotrope.ocr.pages.telling import LINES
from isotrope.text.metrics import cer
from isotrope.training.line_sets import evenly
from isotrope.training.relabel import as_bytes
from measuring import made_by, write_csv


def lines_of(pages: Path, names: list[str], most: int) -> dict[str, list]:
    """Pixels (H, W, 3) and texts of lines, spread over each page."""
    found = defaultdict(list)
    for folder in sorted({name.split("/")[0] for name in names}):
        lines = PageLines(pages / folder)
        of = defaultdict(list)
        for place, (outline, _) in enumerate(lines.items):
            of[f"{folder}/{outline.image.name}"].append(place)
        for name in sorted(of.keys() & set(names)):
            places = of[name]
            for image, text in (lines[places[n]] for n in evenly(len(places), most)):
                found[name].append((as_bytes(image), text))
    return found


def sample(images: list[np.ndarray]) -> list[np.ndarray]:
    """Lines of usual length, spread over the page, as `isotrope.ocr.pages.telling` chooses."""
    lengths = np.array([image.shape[1] / image.shape[0] for image in images])
    parts = np.array_split(np.arange(len(images)), min(LINES, len(images)))
    return [images[min(p, key=lambda n: abs(lengths[n] - np.median(lengths)))] for p in parts]


def main() -> None:
    """Read all pages with all adapters, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=Path, required=True, help="a folder of collections")
    parser.add_argument("--names", type=Path, required=True, help="COLLECTION/IMAGE, one a line")
    parser.add_argument("--adapter", default="auto", help="auto, or auto:FOLDER")
    parser.add_argument("--weights", help="a folder of a line recognizer")
    parser.add_argument("--lines", type=int, default=14)
    options = parser.parse_args()
    engine = make_engine("isotrope", path=options.weights, adapter=options.adapter, threads=1)
    names = [each.name if each else "none" for each in engine.candidates]
    texts: dict[str, list[str]] = {name: [] for name in (*names, "auto", "oracle")}
    truth: list[str] = []
    wanted = options.names.read_text(encoding="utf-8").split("\n")
    for page, lines in lines_of(options.pages, wanted, options.lines).items():
        images, right = map(list, zip(*lines, strict=True))
        said = {
            name: [line.text for line in engine.with_adapter(each).read(images)]
            for name, each in zip(names, engine.candidates, strict=True)
        }
        chosen = engine.chosen(sample(images)).adapter or "none"
        best = min(names, key=lambda name: cer(said[name], right))
        for name, read in (said | {"auto": said[chosen], "oracle": said[best]}).items():
            texts[name] += read
        truth += right
        print(f"{page[:60]:60} {chosen:12} (fewest errors: {best})", flush=True)
    rows = [{"adapter": name, "cer": round(cer(read, truth), 4)} for name, read in texts.items()]
    for row in rows:
        print(f"{row['adapter']:20} {100 * row['cer']:5.2f}%")
    print(write_csv("adapter-auto", [row | {"lines": len(truth)} | made_by() for row in rows]))


if __name__ == "__main__":
    main()
