"""What benchmarks/ocr.py and benchmarks/pages.py share: options, progress and the last report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from worker import ReaderError


def parser_of(text: str | None, study: str) -> argparse.ArgumentParser:
    """Make a parser with the options of both: `--again` and `--figure`.

    Args:
        text: The program's docstring.
        study: Name of its results, and by default of its figure.
    """
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--again", action="store_true", help="measure even what today's CSV has")
    parser.add_argument("--figure", type=Path, default=Path(f"out/{study}.png"))
    return parser


def positive(text: str) -> int:
    """Parse a number of things, 1 or more."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} must be 1 or more")
    return int(text)


def progress_on(console: Console) -> Progress:
    """A bar with a description, the time so far and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console)


def left_out(error: ReaderError, console: Console) -> ReaderError:
    """Say that a reader was left out, and why."""
    console.print(f"left out: {error}", markup=False, soft_wrap=True)
    return error


def report(
    rows: list[dict[str, str]], how: ModuleType, figure: Path, console: Console, failed: bool
) -> None:
    """Print tables, save the figure and exit, with status 1 if a reader failed.

    Args:
        rows: The measurements that were asked for.
        how: A module with `tables` and `draw`.
        figure: Where the figure goes.
        console: Names the figure.
        failed: Whether a reader was left out.
    """
    if rows:
        sys.stdout.write(how.tables(rows))
        how.draw(rows, figure)
        console.print(f"the figure: {figure}", markup=False, soft_wrap=True)
    sys.exit(failed)
