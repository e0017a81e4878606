"""The progress of long commands."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

# With fewer images than this the bar would vanish before anyone sees it.
_MANY = 32


@contextmanager
def counted(total: int, out: Path | None) -> Iterator[Callable[[], None]]:
    """A progress bar for many images, if standard error is a terminal without results on it.

    Args:
        total: Number of images.
        out: Where the results go. None: standard output; on a terminal they show the progress.

    Yields:
        A function to call after each image.
    """
    texts_on_screen = out is None and sys.stdout.isatty()
    if total < _MANY or texts_on_screen or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # With redirect_stdout, results for a pipe would go to the bar's console, standard error.
    console = Console(stderr=True)
    with Progress(console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("Reading", total=total)
        yield lambda: progress.advance(task)


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
        text = f"{row['examples']:,.0f} examples, {_duration(row['left'])} left, {losses}"
        self.bar.update(self.task, completed=row["progress"], description=text)
        now = time.monotonic()
        if self.bar.disable and now - self.printed > self.every:
            self.printed = now
            typer.echo(f"{100 * row['progress']:.0f}%: {text}", err=True)


def _duration(seconds: float) -> str:
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
