"""Calibrate a recognizer's confidences on labeled sets, and test how well that transfers.

    python benchmarks/calibration.py MODEL --finder FINDER iiit5k=iiit5k.tar fraktur:10=fraktur.tar

MODEL is a folder written by `isotrope train reader`; `calibration` in its config.json is replaced.
A set is NAME=PATH, or NAME:K=PATH to use only lines 0, K, 2K, ..., which training holds out. No set
may have been used for training. --limit caps the number of lines per set, spread evenly.

Four things are measured, and written to RESULTS/calibration-DATE.csv, columns `what`, `set` and:

    characters, text  for upright images: `raw` is the calibration error of CTC's output (for texts,
                      the geometric mean over characters), `left_out` after fitting on all other
                      sets, `fitted` after fitting on all, which is what is stored. `chance` is the
                      error that perfect probabilities would have on so few images. `all` combines
                      the sets, each left out in turn.
    reader            for the complete reader with its finder, cycling through the four turns
    no text           for generated images without text, `right` is the fraction read as empty; for
                      sets, `lost` is the fraction of images whose text becomes empty, and
                      `lost_right` the fraction of all images that are lost and were read right

The figure, --figure, plots observed against predicted accuracy, uncalibrated and left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

import measuring
from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.io.resize import turn
from isotrope.ocr.engines.isotrope import Isotrope
from isotrope.ocr.onnx.session import CONFIG
from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.reader import Reader
from isotrope.ocr.recognition.calibration import KEY, Calibration
from isotrope.ocr.recognition.session import LineSession
from isotrope.training.calibration import (
    Judged,
    calibration_error,
    characters,
    error_by_chance,
    fit,
    has_signs,
    judge,
    reliability,
    texts,
)
from labeled import LabeledSet, labeled_set
from textless import KINDS, textless

STUDY = "calibration"
EACH = 40
"""Number of textless images of each kind."""
MEASURES = {"characters": characters, "text": texts}
Read = dict[str, list[Judged]]
"""The readings of each set."""


def sets_of(names: Sequence[str], limit: int | None) -> list[LabeledSet]:
    """Load the sets `NAME=PATH` or `NAME:K=PATH`."""
    sets = []
    for named in names:
        name, equals, path = named.partition("=")
        name, _, every = name.partition(":")
        if every and not (every.isdecimal() and int(every)):
            raise ValueError(f"{named!r}: {every!r} must be a number from 1; give NAME:K=PATH")
        sets.append(labeled_set(f"{name}{equals}{path}", int(every) if every else None, limit))
    return sets


def judged(labeled: LabeledSet, session: LineSession) -> list[Judged]:
    """Read a set upright, uncalibrated."""
    signs = has_signs(labeled.texts)
    read = session.decoded(list(labeled.images(0)))
    pairs = zip(read, labeled.texts, strict=True)
    return [judge(found.text, found.confidences, truth, signs) for found, truth in pairs]


def left_out(read: Read) -> dict[str, Calibration]:
    """Fit, for each set, a calibration on all others."""
    return {
        name: fit([one for other, several in read.items() if other != name for one in several])
        for name in read
    }


def promised(read: Read, calibrations: dict[str, Calibration | None], what: str):
    """Collect probabilities and outcomes of all sets, each with its own calibration."""
    pairs = [MEASURES[what](several, calibrations[name]) for name, several in read.items()]
    return tuple(np.concatenate(column) for column in zip(*pairs, strict=True))


def error_rows(read: Read, others: dict[str, Calibration], whole: Calibration) -> list[dict]:
    """Calibration errors of characters and texts: a row for each set and one for all."""
    rows = []
    for what in MEASURES:
        for name in (*read, "all"):
            own = read if name == "all" else {name: read[name]}
            kinds = {
                "raw": dict.fromkeys(read),
                "left_out": others,
                "fitted": dict.fromkeys(read, whole),
            }
            pairs = {kind: promised(own, given, what) for kind, given in kinds.items()}
            rows.append(
                {
                    **{"what": what, "set": name, "n": len(pairs["raw"][1])},
                    "right": pairs["raw"][1].mean(),
                    **{kind: calibration_error(*pair) for kind, pair in pairs.items()},
                    "chance": error_by_chance(pairs["left_out"][0]),
                }
            )
    return rows


def reader_rows(sets: Sequence[LabeledSet], reader: Reader) -> list[dict]:
    """Evaluate the reader's confidences, with image `i` at turn `i mod 4`."""
    rows, everything = [], []
    for labeled in sets:
        signs = has_signs(labeled.texts)
        images = [turn(im, TURNS[i % 4]) for i, im in enumerate(labeled.images(0))]
        pairs = []
        for reading, truth in zip(reader.read(images), labeled.texts, strict=True):
            one = judge(reading.text, reading.characters, truth, signs)
            pairs.append((reading.confidence, bool(reading.text) and one.whole))
        everything += pairs
        rows.append(_reader_row(labeled.name, pairs))
    return [*rows, _reader_row("all", everything)]


def _reader_row(name: str, pairs: Sequence[tuple[float, bool]]) -> dict:
    confidences, right = zip(*pairs, strict=True)
    return {
        **{"what": "reader", "set": name, "n": len(pairs), "right": np.mean(right)},
        "fitted": calibration_error(confidences, right),
        "chance": error_by_chance(confidences),
    }


def empty_rows(sets: Sequence[LabeledSet], read: Read, reader: Reader) -> list[dict]:
    """Measure textless images read as empty, and texts lost that way."""
    rng, rows = np.random.default_rng(1), []
    for kind in KINDS:
        found = reader.read([textless(kind, rng) for _ in range(EACH)])
        empty = np.mean([not reading.text for reading in found])
        rows.append({"what": "no text", "set": kind, "n": EACH, "right": empty})
    for labeled in sets:
        kept = reader.engine.session.read(list(labeled.images(0)))
        before = read[labeled.name]
        lost = [len(b.confidences) > 0 and not k.text for b, k in zip(before, kept, strict=True)]
        right = [gone and one.whole for gone, one in zip(lost, before, strict=True)]
        shares = {"lost": np.mean(lost), "lost_right": np.mean(right)}
        rows.append({"what": "no text", "set": labeled.name, "n": len(lost), **shares})
    return rows


def draw(read: Read, others: dict[str, Calibration], path: Path) -> None:
    """Plot observed against predicted accuracy; a dot's size is its number of predictions."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    for panel, what in zip(figure.subplots(1, 2, sharey=True), MEASURES, strict=True):
        panel.plot([0, 1], [0, 1], color="#bbbbbb")
        looks = (("as CTC says", dict.fromkeys(read), "C1"), ("calibrated", others, "C0"))
        for label, given, color in looks:
            p, y, counts = reliability(*(pair := promised(read, given, what)))
            error = f"{label}: {100 * calibration_error(*pair):.1f}%"
            panel.plot(p, y, color=color)
            panel.scatter(p, y, 20 + 300 * counts / counts.sum(), color=color, label=error)
        panel.set(title={"text": "whole texts"}.get(what, what), xlabel="confidence")
        panel.legend(title="expected calibration error", loc="upper left")
        panel.grid(alpha=0.3)
        panel.set_aspect("equal")
    figure.axes[0].set(ylabel="share that is right")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Store the calibration in the folder's config.json."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    rounded = {k: [round(n, 4) for n in curve] for k, curve in calibration.to_dict().items()}
    with replacing(folder / CONFIG) as temporary:
        text = json.dumps(config | {KEY: rounded}, ensure_ascii=False, indent=1)
        temporary.write_text(text, encoding="utf-8")


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("sets", nargs="+", metavar="NAME[:K]=PATH")
    parser.add_argument("--finder", type=Path, help="a folder; the shipped one unless given")
    parser.add_argument("--limit", type=int, metavar="N", help="images of each set")
    parser.add_argument("--out", type=Path, default=measuring.RESULTS, help="where the CSV goes")
    docs = Path(__file__).parents[1] / "docs" / "images"
    parser.add_argument("--figure", type=Path, default=docs / f"{STUDY}.png")
    return parser.parse_args(words)


def run(arguments: argparse.Namespace) -> list[dict]:
    """Fit, write and measure; return the rows of the CSV."""
    sets = sets_of(arguments.sets, arguments.limit)
    if len(sets) < 2:
        raise ValueError("one set alone cannot be left out; give two or more")
    session = LineSession(arguments.model, threads=1)
    read = {labeled.name: judged(labeled, session) for labeled in sets}
    whole, others = fit([one for several in read.values() for one in several]), left_out(read)
    write_calibration(arguments.model, whole)
    engine = Isotrope(LineSession(arguments.model, threads=1))
    reader = Reader(engine, OrientationFinder.from_pretrained(arguments.finder, threads=1))
    rows = error_rows(read, others, whole) + reader_rows(sets, reader)
    rows += empty_rows(sets, read, reader)
    draw(read, others, arguments.figure)
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: _rounded(row.get(name)) for name in columns} for row in rows]


def _rounded(value: object) -> object:
    return round(float(value), 4) if isinstance(value, float) else value


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(1)  # the number of threads recorded in the results
    try:
        rows = run(arguments)
    except ValueError as error:
        sys.exit(str(error))
    measuring.RESULTS = arguments.out
    path = measuring.write_csv(STUDY, rows)
    for row in rows:
        print("\t".join("" if value is None else str(value) for value in row.values()))
    print(path, arguments.figure, sep="\n")


if __name__ == "__main__":
    main()
