"""Accuracy of a reader on clean words in each unseen font family.

    python benchmarks/families.py [--weights FOLDER] [--count 40]

Words are upright, with letters a-z and A-Z only; a match must be exact except for case. Writes
benchmarks/results/families-DATE.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

from isotrope import Reader
from isotrope.data.images import load_image
from isotrope.data.synthetic.text import SyntheticText, TextSample
from isotrope.text.metrics import word_accuracy

RESULTS = Path(__file__).parent / "results"


def words_by_family(count: int) -> dict[str, list[TextSample]]:
    """Render `count` words of three or more letters in each validation family."""
    found: dict[str, list[TextSample]] = defaultdict(list)
    source = SyntheticText("valid", seed=2, lines=0.0, difficulty=0.0)
    for sample in source:
        plain = sample.text.isascii() and sample.text.isalpha() and len(sample.text) > 2
        if plain and len(found[sample.family]) < count:
            found[sample.family].append(sample)
        if len(found) == len(source.families) and all(len(v) == count for v in found.values()):
            return found
    raise AssertionError("SyntheticText never ends")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--count", type=int, default=40)
    arguments = parser.parse_args()
    reader = Reader.from_pretrained(arguments.weights, engine="gsanet")
    rows = []
    for family, samples in words_by_family(arguments.count).items():
        texts = [reading.text for reading in reader.read([load_image(s.image) for s in samples])]
        truth = [sample.text for sample in samples]
        rows.append((family, word_accuracy(texts, truth, case_sensitive=False)))
    rows.sort(key=lambda row: -row[1])
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"families-{date.today()}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["family", "accuracy", "words"])
        writer.writerows((family, round(right, 3), arguments.count) for family, right in rows)
    for family, right in rows:
        print(f"{right:6.1%}  {family}")


if __name__ == "__main__":
    main()
