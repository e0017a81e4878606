"""Make the sentence pairs of `recipes/translate.toml` from Tatoeba's, as manythings.org packs them.

    python benchmarks/tatoeba.py fr=fra-eng.zip de=deu-eng.zip --out PAIRS

Writes `train.tsv` with the pairs of all languages, and `test-LANGUAGE.tsv`: one source sentence in
200 of each, with all its translations, none of which is left in `train.tsv` in any language.

Tatoeba's sentences are CC BY 2.0 FR: https://tatoeba.org, https://www.manythings.org/anki.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

from isotrope.data.parallel import Pairs, split_pairs
from isotrope.io.files import replacing
from isotrope.text.normalise import clean

EVERY, SALT = 200, "test"


def read_archive(path: Path) -> list[tuple[str, str]]:
    """The (source, English) pairs of an archive, whose lines have the English first."""
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith(".txt") and "_about" not in n]
        names = [n for n in names if "__MACOSX" not in n]
        if len(names) != 1:
            raise SystemExit(f"{path}: {len(names)} lists of sentences in it; give one of Tatoeba")
        rows = [line.split("\t") for line in archive.read(names[0]).decode().splitlines()]
    return [(clean(row[1]), clean(row[0])) for row in rows if len(row) > 1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("archives", nargs="+", metavar="LANGUAGE=ZIP")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found: dict[str, dict[str, None]] = {}
    language: dict[str, str] = {}
    for name, _, path in (archive.partition("=") for archive in given.archives):
        for source, target in read_archive(Path(path)):
            found.setdefault(source, {})[target] = None
            language.setdefault(source, name)
    pairs = {source: tuple(targets) for source, targets in found.items()}
    train, test = split_pairs(pairs, EVERY, SALT)
    given.out.mkdir(parents=True, exist_ok=True)
    write(given.out / "train.tsv", train)
    for name in sorted(set(language.values())):
        own = {source: t for source, t in test.items() if language[source] == name}
        write(given.out / f"test-{name}.tsv", own)
        print(f"{name}: {len(own)} test sentences")
    print(f"{len(train)} training sentences, {sum(map(len, train.values()))} pairs")


def write(path: Path, pairs: Pairs) -> None:
    """Write SOURCE<TAB>TARGET lines."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for source, targets in pairs.items():
            file.writelines(f"{source}\t{target}\n" for target in targets)


if __name__ == "__main__":
    main()
