"""`isotrope train`: trains a model from a recipe, and goes on where the last run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.progress import Progress

_Config = Annotated[Path, typer.Option(help="The recipe, such as recipes/reader-small.toml.")]
_Data = Annotated[Path, typer.Option(help="The folder with the sets that the recipe names.")]
_Out = Annotated[Path, typer.Option(help="Where the run lives; a run there is resumed.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A field of the recipe, as schedule.minutes=10; may be repeated."),
]


def recognizer(
    config: Annotated[Path, typer.Option(help="The recipe, such as recipes/recognizer.toml.")],
    out: _Out,
    real: Annotated[
        list[str] | None,
        typer.Option(help="A folder or tar with labels.tsv to mix in; may be repeated."),
    ] = None,
    real_share: Annotated[
        float | None, typer.Option(help="The share of the images that are drawn from them.")
    ] = None,
    changed: _Set = None,
) -> None:
    """Train the papers' recognizer on rendered text, and real text if given.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope read --engine gsanet
    --weights`).
    """
    with exit_on_error():
        from isotrope.training.tasks.sequence_recipe import SequenceRecipe

        shorthands = {"data.real": real, "data.real_share": real_share}
        losses = ("text", "dense", "order", "look", "ctc")
        _train(SequenceRecipe, config, None, out, changed, losses, shorthands)


def reader(config: _Config, data: _Data, out: _Out, changed: _Set = None) -> None:
    """Train a recognizer of upright lines, which reads behind the frame.

    Writes checkpoint.pt, log.csv and model/ (for `isotrope read --weights`).
    """
    with exit_on_error():
        from isotrope.training.tasks.reading_recipe import ReadingRecipe

        _train(ReadingRecipe, config, data, out, changed, ("loss", "ctc", "kept"))


def finder(config: _Config, data: _Data, out: _Out, changed: _Set = None) -> None:
    """Train the finder of which way is up.

    Writes checkpoint.pt, log.csv and model/ (for `isotrope orient --weights`).
    """
    with exit_on_error():
        from isotrope.training.tasks.orientation_recipe import OrientationRecipe

        _train(OrientationRecipe, config, data, out, changed, ("loss", "right", "slant"))


def _train(kind, config, data, out, changed, losses: tuple[str, ...], shorthands=None) -> None:
    """Run a recipe to its end, or on from where its last run stopped.

    Args:
        shorthands: Values of options by the dotted names of their fields, which `--set` overrides.
    """
    import warnings

    from isotrope.training.engine import Engine
    from isotrope.training.recipe_file import load_recipe, parse_changes

    recipe = load_recipe(kind, config, (shorthands or {}) | parse_changes(changed or []))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = Engine(recipe.task(data), recipe, out)
    with Progress(round(1000 * engine.progress), 1000, losses, unit="thousandths") as progress:
        engine.fit(lambda row: progress.report(row | {"samples": 1000 * row["progress"]}))
    typer.echo(f"{out}: {engine.examples:,} samples, {engine.seconds / 60:.0f} minutes")
