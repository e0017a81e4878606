"""`isotrope train`: trains a model from a recipe, and goes on where the last run stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer


def recognizer(
    config: Annotated[Path, typer.Option(help="The recipe, such as recipes/recognizer.toml.")],
    out: Annotated[Path, typer.Option(help="Where the run lives; a run there is resumed.")],
    real: Annotated[
        str | None, typer.Option(help="A folder or tar with labels.tsv to mix in.")
    ] = None,
    real_share: Annotated[
        float | None, typer.Option(help="The share of the samples drawn from it.")
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Images to see in all.")] = None,
    cooldown: Annotated[
        float | None, typer.Option(help="Share of them over which the learning rate falls.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that render text.")] = None,
) -> None:
    """Train the recogniser on rendered text, and real text if given.

    Writes checkpoint.pt, log.csv, curve.png and model/ (what `isotrope read --weights` takes).
    """
    try:
        from isotrope.training.config import RecognitionConfig
        from isotrope.training.recognition import RecognitionTrainer
    except ModuleNotFoundError as error:
        typer.echo(
            f"isotrope: training needs {error.name}; pip install 'isotrope[train]'", err=True
        )
        raise typer.Exit(1) from error
    try:
        recipe = RecognitionConfig.from_toml(
            config,
            real=real,
            real_share=real_share,
            samples=samples,
            cooldown=cooldown,
            workers=workers,
        )
        trainer = RecognitionTrainer(recipe, out)
        with _Progress(trainer.samples, recipe.samples) as progress:
            trainer.fit(progress.report)
    except (ValueError, FileNotFoundError) as error:
        typer.echo(f"isotrope: {error}", err=True)
        raise typer.Exit(1) from error


class _Progress:
    """A bar with the time left on a terminal; elsewhere a line a minute."""

    every = 60.0
    shown = ("text", "dense", "order", "look")

    def __init__(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.first, self.done, self.total = done, done, total
        self.started = self.told = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.completed}/{task.total} samples"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self.task = self.bar.add_task("", total=total, completed=done)

    def __enter__(self) -> _Progress:
        self.bar.start()
        return self

    def __exit__(self, *_) -> None:
        self.bar.stop()

    def report(self, row: dict[str, float]) -> None:
        """Takes the numbers of one batch."""
        self.done = int(row["samples"])
        losses = " ".join(f"{k} {row[k]:.3f}" for k in self.shown)
        self.bar.update(self.task, completed=self.done, description=losses)
        now = time.monotonic()
        if self.bar.disable and now - self.told > self.every:
            self.told = now
            rate = (self.done - self.first) / (now - self.started)
            left = (self.total - self.done) / max(rate, 1e-9) / 60
            line = f"{self.done}/{self.total} samples, {rate:.0f}/s, {left:.0f} min left, {losses}"
            typer.echo(line, err=True)
