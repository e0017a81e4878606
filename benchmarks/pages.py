"""Compare page readers: words, lines and reading order, at any turn, with time and memory.

    python benchmarks/pages.py PAGES --readers isotrope rapidocr rapidocr+4x tesseract:eng+fra
    python benchmarks/pages.py PAGES --conditions 0 3 10 30 blocks-upright blocks --names valid.txt

PAGES is a folder of PAGE-XML or ALTO files with their images, in subfolders or not.
benchmarks/page_readers.py explains the readers' names. A condition is an angle, degrees
counter-clockwise, or `blocks`: pages of four blocks of lines, cut from four pages and set at 0, 90,
180 and 270 degrees; in `blocks-upright` the same blocks are all upright.

Every reader runs in its own process, one page at a time, and is warmed up by its first page. A row
for each page, reader and condition is written to benchmarks/results/pages-DATE.csv as soon as it is
measured; rows that today's file already has are skipped unless --again is given. Columns:

    words_right, words_read, words_true   words in lower case, whatever their order
    lines_right, lines_found, lines_true  lines, right from an intersection over union of 0.5
    edits, characters   from the text read to the true one, in reading order
    upright             a digest of the document, turned upright: equal digests, equal documents
    seconds             wall clock; empty with --untimed, for a machine that has other work
    peak_mb             peak resident memory of the reader's process so far
    failed              why the page could not be read, if so; it then counts as if without text

Finally, tables are printed in Markdown, and the figure is saved to --figure.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import torch
from rich.console import Console

import measuring
import page_report
from comparing import left_out, parser_of, positive, progress_on, report
from page_readers import PageRead
from page_report import QUARTERS
from page_scoring import edits, line_counts, word_counts
from page_sets import Case, PageSet
from page_worker import PageWorker
from worker import ReaderError

STUDY = "pages"
KEY = ("pages", "page", "reader", "condition")
"""Columns of the CSV that identify a measurement."""
MEASURES = (
    *("words_right", "words_read", "words_true", "lines_right", "lines_found", "lines_true"),
    *("edits", "characters", "upright", "seconds", "peak_mb", "failed"),
)
"""Columns with what was measured."""


def measured(case: Case, read: PageRead, seconds: float, peak: float) -> dict[str, object]:
    """The columns of one page's row but for its key."""
    row: dict[str, object] = dict.fromkeys(MEASURES)
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


def measured_or_failed(case: Case, quarter: int, worker: PageWorker) -> dict[str, object]:
    """The columns of one page's row but for its key; if the reader fails on it, only why.

    Raises:
        ReaderError: The reader failed and cannot be loaded again.
    """
    try:
        return measured(case, *worker(case.pixels, quarter))
    except ReaderError as error:
        worker.restart()
        return dict.fromkeys(MEASURES) | {"failed": str(error)}


def run(
    pages: PageSet, name: str, arguments: argparse.Namespace, console: Console
) -> list[ReaderError]:
    """Measure what is missing; return the errors of readers that cannot be loaded.

    Args:
        pages: The pages.
        name: Their name, for the rows.
        arguments: As `parsed` makes them.
        console: Shows the progress.
    """
    before = [] if arguments.again else measuring.todays(STUDY)
    done = {tuple(row[column] for column in KEY) for row in before}
    keys = [
        (name, page, reader, condition)
        for reader in arguments.readers
        for condition in arguments.conditions
        for page in pages.names()
    ]
    todo = [key for key in keys if key not in done]
    numbers = {page: number for number, page in enumerate(pages.names())}
    rows: list[dict] = []
    errors = []
    with progress_on(console) as progress:
        task = progress.add_task("", total=len(todo))
        for reader, own in groupby(todo, lambda key: key[KEY.index("reader")]):
            try:
                with PageWorker(reader, arguments.threads, arguments.limit) as worker:
                    for key in own:
                        _, page, _, condition = key
                        progress.update(task, description=f"{reader} at {condition}")
                        quarter = int(condition) if condition in QUARTERS else 0
                        case = pages.case(numbers[page], condition)
                        row = measured_or_failed(case, quarter, worker)
                        if arguments.untimed:
                            row["seconds"] = None
                        rows.append(dict(zip(KEY, key, strict=True)) | row)
                        measuring.write_csv(STUDY, rows, KEY)
                        progress.advance(task)
            except ReaderError as error:
                errors.append(left_out(error, console))
    return errors


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = parser_of(__doc__, STUDY)
    parser.add_argument("pages", type=Path, metavar="PAGES")
    parser.add_argument("--names", type=Path, help="a file that lists the images to read")
    parser.add_argument("--readers", nargs="+", default=["isotrope"], metavar="READER")
    parser.add_argument("--conditions", nargs="+", default=QUARTERS, metavar="CONDITION")
    parser.add_argument("--threads", type=positive, default=2, help="of each reader (%(default)s)")
    parser.add_argument(
        "--limit", type=positive, default=600, metavar="S", help="seconds a page (%(default)s)"
    )
    parser.add_argument("--untimed", action="store_true", help="leave the seconds out")
    return parser.parse_args(words)


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(arguments.threads)  # the number of threads recorded in the results
    try:
        pages = PageSet(arguments.pages, arguments.names)
    except ValueError as error:
        sys.exit(str(error))
    console = Console(stderr=True)
    name = (arguments.names or arguments.pages).stem
    errors = run(pages, name, arguments, console)
    rows = [
        row
        for row in measuring.todays(STUDY)
        if row["pages"] == name and row["reader"] in arguments.readers
    ]
    report(rows, page_report, arguments.figure, console, bool(errors))


if __name__ == "__main__":
    main()
