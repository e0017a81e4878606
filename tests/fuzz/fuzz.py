"""Break files at random and read them: no crash, no hang, no file written elsewhere.

    python tests/fuzz/fuzz.py --target decode --count 2000

Each target first gets hostile files, made on purpose, then random changes of small files of every
format, of `samples`, and of --more. The same --seed gives the same files. Those that break a rule
are kept in --out, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import seeds
from hostile import IMAGES as HOSTILE_IMAGES
from hostile_pdfs import PDFS
from hostile_transcripts import TRANSCRIPTS
from mutations import mutated
from targets import TARGETS
from watched import Outcome, Watched

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")


@dataclass
class Tally:
    """What came of the files of a target."""

    tried: int = 0
    pages: int = 0
    refused: int = 0
    slowest: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome, seconds: float) -> None:
        self.tried += 1
        self.pages += outcome.words["page"] > 0
        self.refused += outcome.words["page"] == 0
        self.slowest = max(self.slowest, seconds)
        if outcome.problem:
            self.problems[outcome.problem] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--count", type=int, default=1000, help="files of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[""], help="suffixes of the seeds to use")
    parser.add_argument("--random-only", action="store_true", help="leave out the hostile files")
    parser.add_argument("--more", type=Path, help="a folder with more images, PDF and XML files")
    parser.add_argument("--memory", type=float, default=4, help="of a process, GiB")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="for what is found")
    options = parser.parse_args()
    found = 0
    for target in options.target:
        tally = run(target, options)
        found += sum(tally.problems.values())
    return 1 if found else 0


def run(target: str, options: argparse.Namespace) -> Tally:
    """Try a target on the hostile files, and on `count` broken ones."""
    tally, started = Tally(), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="isotrope-fuzz-") as name,
        Watched(f"targets:{target}", Path(name), memory=int(options.memory * 2**30)) as watched,
    ):
        folder = Path(name) / "in"
        folder.mkdir()
        for image in ("page.png", "sound.png"):
            seeds.drawing().save(folder / image)
        for label, content in inputs(target, options):
            path = folder / f"broken{Path(label).suffix}"
            path.write_bytes(content)
            before = time.monotonic()
            outcome = watched.attempt(path)
            taken = time.monotonic() - before
            tally.add(outcome, taken)
            if taken > 2:
                print(f"{label}: {taken:.1f} s, {dict(outcome.words)}", file=sys.stderr)
            if outcome.problem:
                keep(options.out, target, label, content, outcome)
            path.unlink()
            if outcome.problem in ("hang", "crash"):  # a command would refuse its leftovers
                shutil.rmtree(folder / "out", ignore_errors=True)
    seconds = time.monotonic() - started
    problems = ", ".join(f"{count} {name}" for name, count in tally.problems.items())
    print(
        f"{target}: {tally.tried} files in {seconds:.0f} s, {tally.pages} read, {tally.refused} "
        f"refused, the slowest {tally.slowest:.1f} s; {problems or 'no findings'}",
        flush=True,
    )
    return tally


def inputs(target: str, options: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Names and contents: the hostile files first, then broken ones of random seeds."""
    sound, written = sources(target, options.more)
    sound = {n: c for n, c in sound.items() if any(n.endswith(end) for end in options.only)}
    written = {n: m for n, m in written.items() if any(n.endswith(end) for end in options.only)}
    for name, make in written.items() if not options.random_only else ():
        yield f"hostile-{name}", make()
    names, contents = list(sound), list(sound.values())
    for index in range(options.count):
        rng = np.random.default_rng([options.seed, list(TARGETS).index(target), index])
        place = int(rng.integers(len(names)))
        name = names[place].replace("/", "-")
        yield f"{options.seed}-{index}-{name}", mutated(contents[place], contents, rng)


def sources(target: str, more: Path | None) -> tuple[dict[str, bytes], dict]:
    """The sound files that a target's inputs are made from, and the hostile ones."""
    folders = [seeds.SAMPLES, *([more] if more else [])]
    if target == "transcript":
        sound = seeds.transcripts()
        for folder in folders:
            sound |= seeds.real(folder, (".xml",))
        name = re.compile(rb'(imageFilename=")[^"]*|(<fileName>)[^<]*')
        sound = {n: name.sub(rb"\1\2page.png", content) for n, content in sound.items()}
        return sound, TRANSCRIPTS
    sound = seeds.images() | seeds.pdfs()
    for folder in folders:
        sound |= seeds.real(folder, (*IMAGES, ".pdf"))
    hostile = HOSTILE_IMAGES | PDFS
    if target == "command":
        del hostile["pages.pdf"]  # reading ten thousand pages takes minutes, and is no fault
    return sound, hostile


def keep(out: Path, target: str, label: str, content: bytes, outcome: Outcome) -> None:
    """Save a file that broke a rule, with what happened beside it."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{target}-{outcome.problem}-{label}"
    path.write_bytes(content)
    path.with_name(path.name + ".txt").write_text(outcome.detail, encoding="utf-8")
    last = (outcome.detail.strip().splitlines() or [""])[-1]
    print(f"{path}: {last[:160]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
