"""`isotrope train`: train a model from a recipe, or resume the last run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_path
from isotrope.cli.progress import RunProgress, duration, quiet

if TYPE_CHECKING:
    from isotrope.training.engine import Engine

Config = Annotated[Path, typer.Option(help="The recipe, such as recipes/reader-small.toml.")]
Data = Annotated[Path, typer.Option(help="The folder with the sets that the recipe names.")]
Out = Annotated[Path, typer.Option(help="Where the run lives; a run there is resumed.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Replace a field of the recipe, as schedule.minutes=10 or run.seed=1. Repeatable.",
    ),
]


def recognizer(
    config: Annotated[Path, typer.Option(help="The recipe, such as recipes/recognizer.toml.")],
    out: Out,
    real: Annotated[
        list[str] | None,
        typer.Option(help="A folder or tar with labels.tsv to mix in; may be repeated."),
    ] = None,
    real_share: Annotated[
        float | None, typer.Option(help="The share of the images that are drawn from them.")
    ] = None,
    changed: Set = None,
) -> None:
    """Train the papers' recognizer on rendered text, and on real text if given.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope read --engine gsanet
    --weights`).
    """
    with exit_on_error():
        check_path("--config", config)
        for path in real or ():
            check_path("--real", Path(path))
        from isotrope.training.tasks.sequence_recipe import SequenceRecipe

        shorthands = {"data.real": real, "data.real_share": real_share}
        losses = ("text", "dense", "order", "look", "ctc")
        run(SequenceRecipe, config, None, out, changed, losses, shorthands)


def reader(config: Config, data: Data, out: Out, changed: Set = None) -> None:
    """Train a recognizer of upright lines, which reads the images that the finder turned upright.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope read --weights`).
    """
    with exit_on_error():
        check_path("--config", config)
        check_path("--data", data)
        from isotrope.training.tasks.recognition_recipe import RecognitionRecipe

        run(RecognitionRecipe, config, data, out, changed, ("loss", "ctc", "kept"))


def finder(config: Config, data: Data, out: Out, changed: Set = None) -> None:
    """Train the finder of which way is up.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope orient --weights`).
    """
    with exit_on_error():
        check_path("--config", config)
        check_path("--data", data)
        from isotrope.training.tasks.orientation_recipe import OrientationRecipe

        run(OrientationRecipe, config, data, out, changed, ("loss", "right", "slant"))


def detector(config: Config, data: Data, out: Out, changed: Set = None) -> None:
    """Train a detector of the lines of pages.

    Writes checkpoint.pt, log.csv, curve.png and model/ (for `isotrope read --detector`).
    """
    with exit_on_error():
        check_path("--config", config)
        check_path("--data", data)
        from isotrope.training.tasks.detection_recipe import DetectionRecipe

        run(DetectionRecipe, config, data, out, changed, ("loss", "core"))


def run(
    kind: Any,
    config: Path,
    data: Path | None,
    out: Path,
    changed: Sequence[str] | None,
    losses: tuple[str, ...] = ("loss",),
    shorthands: Mapping[str, Any] | None = None,
    example: str = "recipes/reader-small.toml",
) -> Engine:
    """Train a recipe to its end, resuming an earlier run.

    Args:
        kind: A subclass of `Recipe` whose `task` takes `data`.
        data: The data for the recipe's task; None: the recipe names its data itself.
        changed: Changed fields, as for `--set`.
        losses: The losses to show in the progress.
        shorthands: Values of fields set by other options; `changed` overrides them.
        example: A recipe for the error message to suggest if `config` is missing.
    """
    from isotrope.training.engine import Engine
    from isotrope.training.recipe_file import load_recipe, parse_changes

    changes = {**(shorthands or {}), **parse_changes(changed or [])}
    recipe = load_recipe(kind, config, changes, example)
    with quiet():
        engine = Engine(recipe.task(data), recipe, out)
    with RunProgress(engine.progress, losses) as progress:
        engine.fit(progress.report)
    if engine.fabric.is_global_zero:
        typer.echo(f"{out}: {engine.examples:,} examples, {duration(engine.seconds)}")
    return engine
