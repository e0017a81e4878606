"""`isotrope train`: trains a model from a recipe, and goes on where the last run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import told
from isotrope.cli.progress import Progress


def recognizer(
    config: Annotated[Path, typer.Option(help="The recipe, such as recipes/recognizer.toml.")],
    out: Annotated[Path, typer.Option(help="Where the run lives; a run there is resumed.")],
    real: Annotated[
        list[str] | None,
        typer.Option(help="A folder or tar with labels.tsv to mix in; may be given several times."),
    ] = None,
    real_share: Annotated[
        float | None, typer.Option(help="The share of the samples drawn from them.")
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
    with told():
        from isotrope.training.config import RecognitionConfig
        from isotrope.training.recognition import RecognitionTrainer

        recipe = RecognitionConfig.from_toml(
            config,
            real=real,
            real_share=real_share,
            samples=samples,
            cooldown=cooldown,
            workers=workers,
        )
        trainer = RecognitionTrainer(recipe, out)
        losses = ("text", "dense", "order", "look", "ctc")
        with Progress(trainer.samples, recipe.samples, losses) as progress:
            trainer.fit(progress.report)
    typer.echo(f"{out}: {trainer.samples:,} of {recipe.samples:,} samples seen")
