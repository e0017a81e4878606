"""`isotrope adapt --task translate`: train a translator of lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from isotrope.cli.errors import UsageError
from isotrope.cli.progress import RunProgress, quiet

_FIELDS = {
    **{name: name for name in ("adapter.targets", "adapter.rank", "adapter.alpha", "run.seed")},
    "data.lines": "data.rendered",
}
"""The options that a translator takes, besides --minutes, by their fields in other recipes."""

_SHARES = {"text": 0.64, "columns": 0.18, "lines": 0.18}
"""Share of each stage in --minutes."""

_LOSSES = {"text": ("loss",), "columns": ("loss",), "lines": ("text", "ctc")}


def translate(
    data: Path,
    out: Path,
    base: Path | None,
    config: Path | None,
    given: Mapping[str, Any],
    changed: Sequence[str],
) -> None:
    """Train a translator, or resume the run in `out`.

    Args:
        data: Pairs, or labeled images.
        out: The folder of the run.
        base: The recognizer's folder; None: the shipped one.
        config: A recipe.
        given: The other options of `isotrope adapt` by the field they set; None if left out.
        changed: As for `--set`.

    Raises:
        UsageError: An option is not for translators.
    """
    from isotrope.training.recipe_file import load_recipe, parse_changes
    from isotrope.training.tasks.translation_recipe import TranslationRecipe
    from isotrope.training.translation_card import write_card
    from isotrope.training.translator import Translation

    used = {name: value for name, value in given.items() if value is not None}
    minutes = used.pop("schedule.minutes", None)
    if foreign := [name for name in used if name not in _FIELDS]:
        option = foreign[0].rpartition(".")[2]
        raise UsageError(f"--{option} is not for --task translate; leave it out")
    options = {_FIELDS[name]: value for name, value in used.items()}
    if minutes is not None:
        options |= {f"{name}.minutes": minutes * share for name, share in _SHARES.items()}
    changes = options | parse_changes(changed)
    recipe = load_recipe(TranslationRecipe, config, changes, "recipes/translate.toml")
    made = Translation(recipe, data, out, base)
    typer.echo("reading lines", err=True)
    made.read(lambda done, count: typer.echo(f"read {done:,} of {count:,} lines", err=True))
    writes = True
    for stage in made.stages:
        with quiet():
            engine = made.engine(stage)
        with RunProgress(engine.progress, _LOSSES[stage]) as progress:
            engine.fit(progress.report)
        if writes := engine.fabric.is_global_zero:
            typer.echo(f"{stage}: chrF {engine.kept['chrf']:.1f}, {engine.seconds / 60:.0f} min")
    if writes:
        made.finish()
        write_card(made)
        typer.echo(f"{out}: isotrope read --adapter {out}")
