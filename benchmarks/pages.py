"""Compare page readers: words, lines and reading order, at any turn, with time and memory.

    python benchmarks/pages.py PAGES --readers isotrope rapidocr rapidocr+4x tesseract:eng+fra
    python benchmarks/pages.py PAGES --conditions 0 3 10 30 blocks-upright blocks --names valid.txt

PAGES is a folder of PAGE-XML or ALTO files with their images, in subfolders or not.
benchmarks/page_readers.py explains the readers' names. A condition is an angle, degrees
counter-clockwise, or `blocks`: pages of four blocks of lines, cut from four pages and set at 0, 90,
180 and 270 degrees; in `blocks-upright` the same blocks are all upright.

Every reader runs in its own process with two threads, one page at a time, and is warmed up by its
first page. Results are written to benchmarks/results/pages-DATE.csv as they come, a row for each
page, reader and condition; rows that today's file already has are skipped unless --again is given.
Columns:

    words_right, words_read, words_true   words in lower case, whatever their order
    lines_right, lines_found, lines_true  lines, right from an intersection over union of 0.5
    edits, characters   from the text read to the true one, in reading order
    upright             a digest of the document, turned upright: equal digests, equal documents
    seconds             wall clock
    peak_mb             peak resident memory of the reader's process so far

Finally, tables are printed in Markdown, and the figure is saved to --figure.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import measuring
import page_report
from page_readers import PageRead
from page_scoring import edits, line_counts, word_counts
from page_sets import Case, PageSet
from page_worker import PageWorker
from worker import ReaderError

STUDY = "pages"
KEY = ("pages", "page", "reader", "condition")
"""Columns of the CSV that identify a measurement."""
QUARTERS = ("0", "90", "180", "270")


def measured(case: Case, read: PageRead, seconds: float, peak: float) -> dict[str, object]:
    """The columns of one page's row but for its key."""
    row: dict[str, object] = dict.fromkeys(
        f"{what}_{how}"
        for what, hows in (
            ("words", ("right", "read", "true")),
            ("lines", ("right", "found", "true")),
        )
        for how in hows
    )
    row |= {"edits": None, "characters": None, "upright": None}
    if read.text is not None:
        words = word_counts(read.text, case.text)
        row |= {"words_right": words.right, "words_read": words.found, "words_true": words.asked}
        row["edits"], row["characters"] = edits(read.text, case.text)
        same = read.text if read.upright is None else repr(read.upright)
        row["upright"] = hashlib.sha256(same.encode()).hexdigest()[:16]
    if read.lines is not None:
        lines = line_counts(read.lines, case.lines)
        row |= {"lines_right": lines.right, "lines_found": lines.found, "lines_true": lines.asked}
    return row | {"seconds": round(seconds, 3), "peak_mb": round(peak)}


def recorded() -> list[dict[str, str]]:
    """Read the rows of today's results."""
    path = measuring.RESULTS / f"{STUDY}-{date.today()}.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(
    pages: PageSet,
    name: str,
    readers: Sequence[str],
    conditions: Sequence[str],
    again: bool,
    console: Console,
) -> list[ReaderError]:
    """Measure and write what is missing; return the errors of readers that failed."""
    done = set() if again else {tuple(row[column] for column in KEY) for row in recorded()}
    rows: list[dict] = []
    errors = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=len(readers) * len(conditions) * len(pages))
        for reader in readers:
            try:
                with PageWorker(reader) as worker:
                    for condition in conditions:
                        progress.update(task, description=f"{reader} at {condition}")
                        keys = {page: (name, page, reader, condition) for page in pages.names()}
                        if done.issuperset(keys.values()):
                            progress.advance(task, len(pages))
                            continue
                        quarter = int(condition) if condition in QUARTERS else 0
                        for case in pages.cases(condition):
                            row = dict(zip(KEY, keys[case.name], strict=True))
                            rows.append(row | measured(case, *worker(case.pixels, quarter)))
                            progress.advance(task)
                        measuring.write_csv(STUDY, rows, KEY)
            except ReaderError as error:
                console.print(f"left out: {error}", markup=False, soft_wrap=True)
                errors.append(error)
    return errors


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pages", type=Path, metavar="PAGES")
    parser.add_argument("--names", type=Path, help="a file that lists the images to read")
    parser.add_argument("--readers", nargs="+", default=["isotrope"], metavar="READER")
    parser.add_argument("--conditions", nargs="+", default=QUARTERS, metavar="CONDITION")
    parser.add_argument("--again", action="store_true", help="measure even what today's CSV has")
    parser.add_argument("--figure", type=Path, default=Path("out/pages.png"))
    return parser.parse_args(words)


def main() -> None:
    arguments = parsed()
    try:
        pages = PageSet(arguments.pages, arguments.names)
    except ValueError as error:
        sys.exit(str(error))
    console = Console(stderr=True)
    name = (arguments.names or arguments.pages).stem
    asked = (arguments.readers, arguments.conditions)
    errors = run(pages, name, *asked, arguments.again, console)
    rows = [row for row in recorded() if row["pages"] == name and row["reader"] in asked[0]]
    if rows:
        sys.stdout.write(page_report.tables(rows))
        page_report.draw(rows, arguments.figure)
        console.print(f"the figure: {arguments.figure}", markup=False, soft_wrap=True)
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
