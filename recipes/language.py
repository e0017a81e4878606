"""Count the n-grams of a language for `src/isotrope/weights/language/`.

    python recipes/language.py TEXT [TEXT ...] --out src/isotrope/weights/language/fr.npz

A TEXT has a paragraph a line and may be compressed (.gz). The shipped ones, "de", "en" and "fr",
were each made of 5.5 million characters of novels of ELTeC (`ATTRIBUTION.md`) with the settings
that are the defaults here; they take ten seconds and give the same file.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterator
from pathlib import Path

from isotrope.text.ngrams import ORDER, count
from isotrope.text.normalise import clean


def paragraphs(path: Path) -> Iterator[str]:
    """The paragraphs of a file, normalized as labels are."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        yield from map(clean, file)


def main() -> None:
    """Read the arguments, count and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", nargs="+", type=Path, metavar="TEXT")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--order", type=int, default=ORDER)
    parser.add_argument("--least", type=int, default=4, help="drop n-grams seen less often")
    options = parser.parse_args()
    lines = [line for path in options.texts for line in paragraphs(path)]
    model = count(lines, options.order, options.least)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    model.save(options.out)
    print(f"{options.out}: {len(model):,} n-grams, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
