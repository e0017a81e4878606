"""`isotrope adapt`: train a LoRA adapter for a new script or hand from a few hundred lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from isotrope.cli.adapt_translation import translate
from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_folder, check_path
from isotrope.cli.progress import RunProgress, quiet
from isotrope.cli.review import review as list_lines

_Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Line images with a labels.tsv (a folder or a tar), or a folder of PAGE-XML or ALTO "
        "files with their page images.",
    ),
]
_Review = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Train nothing: list the lines of these pages (PAGE-XML, ALTO or images) that a "
        "person should correct first, in --out. --lines says how many (100), --start with which "
        "adapter to read.",
    ),
]
_Unseen = Annotated[
    bool,
    typer.Option(
        "--unseen", help="Also train on lines of pages that no person seems to have corrected."
    ),
]
_Valid = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Lines or pages to hold out for validation. Default: every tenth line, or page, of "
        "the data.",
    ),
]
_Out = Annotated[
    Path,
    typer.Option(metavar="FOLDER", help="Where the adapter goes; a run found there is resumed."),
]
_Base = Annotated[
    Path | None,
    typer.Option(
        metavar="NAME|FOLDER",
        help="The model to adapt: small, tiny, gsanet, or a folder, also of a published TrOCR. "
        "Default: small.",
    ),
]
_Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A recipe, such as recipes/adapter.toml; these options override it."
    ),
]
_Rank = Annotated[
    int | None, typer.Option(metavar="N", help="The rank of the matrices B A. Default: 8.")
]
_Start = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|NAME|auto|none",
        help="Continue from this adapter, with its rank and layers: a folder, a shipped one's "
        "name, or the shipped one that reads the lines best, if one does (auto). Default: auto; "
        "none with --rank, another field of the adapter, or a --config that names none.",
    ),
]
_Epochs = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="How often each line is seen. Default: more often, the fewer there are."
    ),
]
_Minutes = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="Stop training after this many minutes. Default: 20 for small and tiny, 22 for a "
        "translator, else none.",
    ),
]
_Lines = Annotated[
    int | None, typer.Option(metavar="N", help="Train on only this many of the lines.")
]
_Task = Annotated[
    Literal["read", "translate"],
    typer.Option(
        help="What to learn: to read such lines, or to write their translation. For translate, "
        "--data is a .tsv of SOURCE<TAB>TARGET lines, or line images whose labels are translations."
    ),
]
_Changed = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set any field of the recipe, such as adapter.method=dora, adapter.targets=mlp or "
        "run.seed=1; may be repeated.",
    ),
]


def adapt(
    out: _Out,
    data: _Data = None,
    review: _Review = None,
    unseen: _Unseen = False,
    valid: _Valid = None,
    base: _Base = None,
    config: _Config = None,
    rank: _Rank = None,
    start: _Start = None,
    epochs: _Epochs = None,
    minutes: _Minutes = None,
    lines: _Lines = None,
    changed: _Changed = None,
    task: _Task = "read",
) -> None:
    """Teach the reader a new script or hand.

    Every tenth line, or page, is held out for validation, and the best adapter is kept. This takes
    20 minutes at most, or half an hour for gsanet's model; a published TrOCR wants a GPU. Writes
    the adapter (for `isotrope read --adapter`), README.md with its results, report.html with the
    worst lines and confused characters, log.csv, curve.png and checkpoint.pt.
    """
    options = {
        "adapter.rank": rank,
        "adapter.start": start,
        "data.unseen": unseen or None,
        "data.lines": lines,
        "schedule.epochs": epochs,
        "schedule.minutes": minutes,
    }
    from isotrope.ocr.adapter_names import AUTO, NONE
    from isotrope.ocr.loading import adapter_folder, base_folder

    with exit_on_error():
        data = _checked(data, review, valid, config)
        base = base_folder(base)
        check_folder("--base", base)
        if review is not None:
            return list_lines(review, out, base, start, lines)
        if task == "translate":
            return translate(data, out, base, config, options | {"valid": valid}, changed or [])
        if start not in (None, AUTO, NONE) and base is None:
            adapter_folder(start)
        if start is None and config is None:
            options["adapter.start"] = AUTO
        _adapt(config, options, changed, data, out, base, valid)


def _checked(
    data: Path | None, review: Path | None, valid: Path | None, config: Path | None
) -> Path:
    """The data to learn from, or else the pages to review, once all named files are there."""
    if data is not None and review is not None:
        raise ValueError("--review trains nothing; leave out --data")
    check_folder("--review", review)
    for option, path in (("--data", data), ("--valid", valid), ("--config", config)):
        check_path(option, path)
    if data is None and review is None:
        raise ValueError("give --data, what to learn from, or --review, what to correct")
    return cast("Path", data or review)


def _adapt(
    config, options, changed, data: Path, out: Path, base: Path | None, valid: Path | None
) -> None:
    from isotrope.training.adaptation import Adaptation
    from isotrope.training.card import write_card
    from isotrope.training.recipe_file import load_recipe, parse_changes
    from isotrope.training.report import write_report
    from isotrope.training.tasks.bases import recipe_kind

    changes = options | parse_changes(changed or [])
    recipe = load_recipe(recipe_kind(base), config, changes, "recipes/adapter.toml")
    with quiet():
        made = Adaptation(recipe, data, out, base, valid)
    if not made.full:
        _say_size(made.adapted)
    if made.recipe.adapter.start:
        typer.echo(f"starts from the adapter {made.recipe.adapter.start}")
    if made.new:
        typer.echo(f"{len(made.new)} new characters are learned: {made.new}")
    engine = made.engine
    with RunProgress(engine.progress) as progress:
        made.fit(progress.report)
    if not engine.fabric.is_global_zero:
        return
    if not made.full:
        write_card(made)
        write_report(made)
    before, best = made.before, made.best
    typer.echo(
        f"{out}: CER {100 * before['cer']:.1f}% -> {100 * best['cer']:.1f}%, WER "
        f"{100 * before['wer']:.1f}% -> {100 * best['wer']:.1f}% on {len(made.valid)} held-out "
        f"lines; {engine.seconds / 60:.0f} min"
        + (f"; {made.left_out} lines were left out" if made.left_out else "")
    )
    if (spoken := made.language) is not None:
        typer.echo(
            f"with its language model: CER {100 * spoken['cer']:.1f}%, WER "
            f"{100 * spoken['wer']:.1f}%"
        )


def _say_size(adapted) -> None:
    from isotrope.lora import count_parameters

    own, whole = count_parameters(adapted)
    typer.echo(f"{own:,} parameters, {100 * own / whole:.1f}% of the model's {whole:,}")
