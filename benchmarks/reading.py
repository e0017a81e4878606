"""Accuracy at the four turns and milliseconds a word of a reader, on one CPU thread.

    python benchmarks/reading.py [--weights FOLDER] [--data NAME=PATH ...] [--runtime torch]

Rendered words in unseen fonts always, degraded as in training and clean; PATH is a folder or tar of
images with labels.tsv. Accuracy is exact match in lower-case letters and digits ("accuracy") and
with case and punctuation ("exact"). `ms` is process time a word, read one by one at orientation 0
after a warm-up, median of five passes. Writes
benchmarks/results/reading-DATE.csv, with commit, machine and command.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch

from isotrope import Reader
from isotrope.data.images import ImageError, load_image
from isotrope.data.lines import LabelledLines
from isotrope.data.synthetic import SyntheticText
from isotrope.groups import TURNS
from isotrope.ocr.metrics import cer, word_accuracy
from isotrope.ocr.reader import load_torch
from measuring import write_csv


def rendered(count: int, difficulty: float) -> list[tuple[torch.Tensor, str]]:
    """Words in validation families, which no training sample used."""
    samples = islice(SyntheticText("valid", seed=1, lines=0.0, difficulty=difficulty), count)
    return [(load_image(s.image), s.text) for s in samples]


def datasets(named: list[str], count: int) -> Iterator[tuple[str, list]]:
    yield "rendered", rendered(count, difficulty=1.0)
    yield "rendered, clean", rendered(count, difficulty=0.0)
    for item in named:
        name, _, path = item.partition("=")
        lines = LabelledLines(path)
        yield name, [lines[i] for i in range(min(count, len(lines)))]


def measure(reader: Reader, pairs: list[tuple[torch.Tensor, str]]) -> dict[str, float | int]:
    images, truth = [image for image, _ in pairs], [text for _, text in pairs]
    readings = list(reader.stream(images, on_error="return", turns=TURNS))
    by_turn = [readings[k :: len(TURNS)] for k in range(len(TURNS))]
    texts = [["" if isinstance(r, ImageError) else r.text for r in turn] for turn in by_turn]
    row: dict[str, float | int] = {"images": len(pairs)}
    for degrees, turn, found in zip(TURNS, texts, by_turn, strict=True):
        row[f"accuracy_{degrees}"] = word_accuracy(
            turn, truth, case_sensitive=False, alphanumeric=True
        )
        row[f"exact_{degrees}"] = word_accuracy(turn, truth)
        row[f"orientation_{degrees}"] = statistics.mean(
            not isinstance(r, ImageError) and r.orientation == degrees for r in found
        )
    row["cer"] = cer(texts[0], truth)
    row["same4"] = statistics.mean(len(set(four)) == 1 for four in zip(*texts, strict=True))
    row["ms"] = milliseconds(reader, images[:100])
    return {name: round(value, 4) for name, value in row.items()}


def milliseconds(reader: Reader, images: list[torch.Tensor]) -> float:
    def one_pass() -> float:
        started = time.process_time()
        for image in images:
            reader.read(image, on_error="return")
        return 1000 * (time.process_time() - started) / len(images)

    one_pass()
    return statistics.median(one_pass() for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--data", nargs="*", default=[], metavar="NAME=PATH")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--runtime", choices=["torch", "onnx"], default="onnx")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    reader = Reader.from_pretrained(arguments.weights, runtime=arguments.runtime)
    parameters = sum(p.numel() for p in load_torch(arguments.weights).parameters())
    rows = []
    for name, pairs in datasets(arguments.data, arguments.count):
        row = {"set": name, **measure(reader, pairs), "parameters": parameters}
        rows.append(row | {"runtime": arguments.runtime})
        print(*(f"{key}={value}" for key, value in row.items()), file=sys.stderr)
    print(write_csv("reading", rows))


if __name__ == "__main__":
    main()
