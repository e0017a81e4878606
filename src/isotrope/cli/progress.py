"""The progress of long commands."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from isotrope.jobs.run import Run
    from isotrope.jobs.todo import Todo
    from isotrope.jobs.work import Item

MANY = 32
"""With fewer images than this a bar would vanish before anyone sees it."""

_MINUTE = 60.0


@contextmanager
def counted(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar for many images, if standard error is a terminal without results on it.

    Args:
        total: Number of images.

    Yields:
        A function to call after each image.
    """
    if total < MANY or sys.stdout.isatty() or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # With redirect_stdout, results for a pipe would go to the bar's console, standard error.
    console = Console(stderr=True)
    with Progress(console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("Reading", total=total)
        yield lambda: progress.advance(task)


class ReadProgress:
    """The progress of `isotrope read`: how many files, how fast, and the time left.

    It is a bar if standard error is a terminal without results on it, else a line a minute.

    Args:
        total: Number of files, with those that were read before.
        out: Where the results go. None: standard output; on a terminal they show the progress.
        unit: What a file has: "pages" or "images".
    """

    def __init__(self, total: int, out: Path | None, unit: str) -> None:
        self.total, self.unit = total, unit
        self.began = self.printed = time.monotonic()
        self._silent = out is None and sys.stdout.isatty()
        self._bar: Progress | None = None
        if total >= MANY and sys.stderr.isatty() and not self._silent:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            # With redirect_stdout, results for a pipe would go to the bar's console.
            self._bar = Progress(
                BarColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> ReadProgress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the first file was asked for."""
        return time.monotonic() - self.began

    def following(self, run: Run, todo: Todo) -> Iterator[tuple[Item, Iterator[Any]]]:
        """The files of a run; each moves the bar when the next is asked for."""
        self.began = self.printed = time.monotonic()
        for answer in run:
            yield answer
            self._show(run, todo.skipped)

    def _show(self, run: Run, skipped: int) -> None:
        now = time.monotonic()
        if self._silent or (self._bar is None and now - self.printed < _MINUTE):
            return
        here = run.read + run.failed + 1  # the last is recorded after this
        done, seconds = here + skipped, max(now - self.began, 1e-9)
        left = max(self.total - done, 0) * seconds / here
        text = (
            f"{done:,} of {self.total:,} files, {run.results / seconds:.3g} {self.unit} a second, "
            f"{duration(left)} left"
        )
        if self._bar:
            self._bar.update(self._task, completed=done, description=text)
        else:
            self.printed = now
            typer.echo(f"{100 * done / max(self.total, done):.0f}%: {text}", err=True)


class RunProgress:
    """The progress of `Engine.fit`: a bar with the time left, or a line per minute off a terminal.

    Args:
        done: The share of the run that is done, in [0, 1].
        shown: The losses to show.
    """

    every = 60.0

    def __init__(self, done: float, shown: tuple[str, ...] = ("loss",)) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self.shown, self.printed = shown, time.monotonic()
        self.bar = Progress(
            TaskProgressColumn(),
            BarColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self.task = self.bar.add_task("", total=1.0)
        self.bar.update(self.task, completed=done)

    def __enter__(self) -> RunProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def report(self, row: dict[str, float]) -> None:
        """Show the losses, `examples`, `progress` and the seconds `left` of a row."""
        losses = " ".join(f"{name} {row[name]:.3f}" for name in self.shown)
        text = f"{row['examples']:,.0f} examples, {duration(row['left'])} left, {losses}"
        self.bar.update(self.task, completed=row["progress"], description=text)
        now = time.monotonic()
        if self.bar.disable and now - self.printed > self.every:
            self.printed = now
            typer.echo(f"{100 * row['progress']:.0f}%: {text}", err=True)


def duration(seconds: float) -> str:
    """`3 h 05 min`, `12 min` or `40 s`; `?` if unknown."""
    if seconds == float("inf"):
        return "?"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    hours, rest = divmod(seconds, 3600)
    return f"{hours:.0f} h {rest // 60:02.0f} min"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings and notes from libraries off standard error while a run is set up."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
