"""Compare text readers: accuracy, invariance, CPU time and memory on labeled sets.

    python benchmarks/ocr.py iiit5k=ocr-words-iiit5k-train.tar --limit 500
    python benchmarks/ocr.py fraktur=fraktur.tar --held-out 10 --readers isotrope tesseract:deu+4x
    python benchmarks/ocr.py words=words.tar --angles 0 10 30 45 60 135

A set is NAME=PATH, a folder or tar with `labels.tsv`, or "rendered": words in font families not
used for training. It counts as lines if more than a tenth of its labels contain a space, else as
words. benchmarks/readers.py explains the readers' names.

Every reader runs in its own process with one thread, one image at a time. Results are written to
benchmarks/results/ocr-DATE.csv after every reader, a row for each set, reader and angle. Rows
already in today's file for the same commit are skipped unless --again is given. Columns:

    cer, cer_nocase  character error rate, and the same ignoring case
    exact            fraction of texts read without any error
    alphanumeric     the same, comparing only lower-case letters and digits, as usual for words
    same4            fraction with the same non-empty text at 0, 90, 180 and 270 degrees
    orientation      fraction whose orientation was found to within 45 degrees, assuming that
                     the labeled images are upright
    ms               mean CPU milliseconds per image, over all threads and subprocesses, without
                     loading; but Tesseract's binary reloads every hundred images (1 ms)
    peak_mb          peak resident memory of the reader's process so far, including libraries

Finally, tables are printed in Markdown, and the figure is saved to --figure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from rich.console import Console

import measuring
import ocr_report
from comparing import left_out, parser_of, positive, progress_on, report
from isotrope.groups import TURNS
from labeled import RENDERED, LabeledSet, labeled_set
from readers import FOUR_TURNS, Read, check_name
from scoring import same_text, scores
from worker import ReaderError, Worker

STUDY = "ocr"
KEY = ("set", "selection", "reader", "angle")
"""Columns of the CSV that identify a measurement."""
CHUNK = 100
"""Number of images passed to a reader at once."""
OURS = ("isotrope",)
Ask = Callable[[list[np.ndarray]], tuple[list[Read], float, float]]
"""Like `Worker`: maps images to readings, CPU seconds and peak memory in MB."""


def jobs(angles: Sequence[int]) -> list[tuple[int, ...]]:
    """Group angles to measure together: all quarter turns, which `same4` compares, and each
    other angle alone."""
    turns = tuple(angle for angle in TURNS if angle in angles)
    return [job for job in (turns, *((a,) for a in angles if a not in TURNS)) if job]


def measure(
    labeled: LabeledSet,
    reader: str,
    ask: Ask,
    job: Sequence[int],
    advance: Callable[[int], object] = lambda images: None,
) -> list[dict]:
    """Measure one reader on one set at the angles of a job.

    Args:
        labeled: The set.
        reader: The reader's name, for the rows.
        ask: Reads images.
        job: Angles, as grouped by `jobs`.
        advance: Called with the number of images after each chunk.
    """
    rows, by_angle = [], {}
    for angle in job:
        reads, seconds, peak = [], 0.0, 0.0
        for chunk in chunks(labeled.images(angle)):
            more, took, peak = ask(chunk)
            reads += more
            seconds += took
            advance(len(chunk))
        by_angle[angle] = reads
        rows.append(
            {
                "set": labeled.name,
                "selection": labeled.selection,
                "kind": labeled.kind,
                "cased": labeled.cased,
                "images": len(labeled),
                "reader": reader,
                "angle": angle,
                **scores(reads, labeled.texts, angle),
                "same4": None,
                "ms": 1000 * seconds / len(labeled),
                "peak_mb": peak,
            }
        )
    if set(TURNS) <= set(job):
        for row in rows:
            row["same4"] = same_text([by_angle[turn] for turn in TURNS])
    return [{name: _rounded(value) for name, value in row.items()} for row in rows]


def chunks(images: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    while chunk := list(islice(images, CHUNK)):
        yield chunk


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def key_of(row: dict) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def missing(labeled: LabeledSet, reader: str, angles: Sequence[int]) -> list[tuple[int, ...]]:
    """List the jobs with rows missing from today's results for this commit."""
    commit = measuring.commit()
    done = {key_of(row): row for row in measuring.todays(STUDY) if row["commit"] == commit}

    def lacks(job: tuple[int, ...]) -> bool:
        rows = [done.get((labeled.name, labeled.selection, reader, str(a))) for a in job]
        compared = set(TURNS) <= set(job)
        return any(row is None or (compared and not row["same4"]) for row in rows)

    return [job for job in jobs(angles) if lacks(job)]


def run(
    sets: Sequence[LabeledSet],
    readers: Sequence[str],
    angles: Sequence[int],
    again: bool,
    console: Console,
) -> list[ReaderError]:
    """Measure and write what is missing; return the errors of readers that failed."""
    todo = [
        (labeled, reader, wanted)
        for labeled in sets
        for reader in readers
        if (wanted := jobs(angles) if again else missing(labeled, reader, angles))
    ]
    work = [_weight(reader) * len(one) * len(sum(wanted, ())) for one, reader, wanted in todo]
    rows, errors = [], []
    with progress_on(console) as progress:
        task = progress.add_task("", total=sum(work))
        for place, (labeled, reader, wanted) in enumerate(todo, start=1):
            progress.update(task, description=f"{labeled.name}: {reader}")
            weight = _weight(reader)
            try:
                with Worker(reader, labeled.kind) as worker:
                    for job in wanted:
                        rows += measure(
                            *(labeled, reader, worker, job),
                            lambda images, weight=weight: progress.advance(task, weight * images),
                        )
                        measuring.write_csv(STUDY, rows, KEY)
            except ReaderError as error:
                errors.append(left_out(error, console))
            progress.update(task, completed=sum(work[:place]))
    return errors


def _weight(reader: str) -> int:
    """Number of readings per image, to estimate the time left."""
    return 4 if reader.endswith(FOUR_TURNS) else 1


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = parser_of(__doc__, STUDY)
    parser.add_argument("sets", nargs="*", default=[RENDERED], metavar="NAME=PATH")
    parser.add_argument("--readers", nargs="+", type=check_name, default=OURS, metavar="READER")
    parser.add_argument("--angles", nargs="+", type=int, default=TURNS, help="counter-clockwise")
    parser.add_argument("--held-out", type=positive, metavar="K", help="lines 0, K, 2K, ... alone")
    parser.add_argument("--limit", type=positive, metavar="N", help="then N of them, evenly spread")
    return parser.parse_args(words)


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(1)  # the number of threads recorded in the results
    try:
        sets = [labeled_set(s, arguments.held_out, arguments.limit) for s in arguments.sets]
    except ValueError as error:
        sys.exit(str(error))
    angles = sorted({angle % 360 for angle in arguments.angles})
    console = Console(stderr=True)
    errors = run(sets, arguments.readers, angles, arguments.again, console)
    asked = [
        key_of({"set": s.name, "selection": s.selection, "reader": r, "angle": a})
        for s in sets
        for r in arguments.readers
        for a in angles
    ]
    measured = {key_of(row): row for row in measuring.todays(STUDY)}
    rows = [measured[key] for key in asked if key in measured]
    report(rows, ocr_report, arguments.figure, console, bool(errors))


if __name__ == "__main__":
    main()
