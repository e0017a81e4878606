"""`isotrope adapt`: a LoRA adapter for a new script or hand from a few hundred lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.progress import Progress


def adapt(
    data: Annotated[
        Path,
        typer.Option(
            help="Line images with labels.tsv (a folder or tar), or a folder of PAGE-XML or ALTO "
            "with its page images."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The adapter's folder; a run there is resumed.")],
    base: Annotated[
        Path | None,
        typer.Option(help="The folder of the model to adapt; the shipped one if left out."),
    ] = None,
    target: Annotated[
        str, typer.Option(help="What it acts on: all, or attention, mlp, filters, with commas.")
    ] = "all",
    rank: Annotated[int, typer.Option(help="Of the matrices B A.")] = 8,
    alpha: Annotated[
        float | None, typer.Option(help="B A counts alpha / rank; twice the rank if left out.")
    ] = None,
    dora: Annotated[bool, typer.Option("--dora", help="Learn lengths of rows too (DoRA).")] = False,
    start: Annotated[
        str | None,
        typer.Option(
            help="Go on from this adapter, a folder or a shipped one's name; its rank and target "
            "stand."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Train all weights instead; of gsanet's model alone.")
    ] = False,
    turned: Annotated[
        bool, typer.Option("--turned", help="Turn the lines, for a base that is not equivariant.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(help="How often each line is seen; by their number if left out."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Of training at most; 20 if left out. Not for gsanet's model."),
    ] = None,
    lines: Annotated[int | None, typer.Option(help="Train on so many of the lines.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order and the variations.")] = 0,
) -> None:
    """Teach the reader a new script or hand.

    Every tenth line, or page, is held out and validated on, and the best adapter is kept. It takes
    20 minutes at most; where the base is gsanet's model, half an hour. Writes the adapter (for
    `isotrope read --adapter`), README.md with its numbers, log.csv and checkpoint.pt.
    """
    shared = {
        "targets": target,
        "rank": rank,
        "alpha": alpha,
        "dora": dora,
        "start": start,
        "epochs": epochs,
        "lines": lines,
        "seed": seed,
    }
    with exit_on_error():
        found = _line_recognizer(base)
        if found is None and minutes is not None:
            raise ValueError(
                f"--minutes {minutes:g}: the papers' model is adapted by epochs; give --epochs"
            )
        if found is None:
            _adapt_gsanet(shared | {"full": full, "turned": turned}, data, out, base)
        elif full or turned:
            option = "--full" if full else "--turned"
            raise ValueError(
                f"{option} is of no use to {found}, a recognizer of upright lines; leave it out"
            )
        else:
            _adapt_lines(shared | {"minutes": minutes}, data, out, found)


def _line_recognizer(base: Path | None) -> Path | None:
    """The folder, if it is a line recognizer's; None: it is that of a `Recognizer`."""
    import json

    from isotrope.ocr.loading import SHIPPED
    from isotrope.ocr.onnx.session import CONFIG

    folder = base or SHIPPED / "small"
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever loads it says what is wrong
        return None
    return folder if isinstance(config, dict) and "stem" in config else None


def _adapt_lines(settings: dict, data: Path, out: Path, base: Path) -> None:
    """Adapt a line recognizer."""
    import warnings

    from isotrope.training.card import write_line_card
    from isotrope.training.tasks.adapting_recipe import Adapting, AdaptingRecipe

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Adapting(AdaptingRecipe(**settings), data, out, base)
    _say_size(made.adapted)
    engine = made.engine
    with Progress(round(1000 * engine.progress), 1000, unit="thousandths") as progress:
        engine.fit(lambda row: progress.report(row | {"samples": 1000 * row["progress"]}))
    write_line_card(made)
    _say_result(out, made.before, made.best, len(made.valid), engine.seconds / 60)


def _adapt_gsanet(settings: dict, data: Path, out: Path, base: Path | None) -> None:
    """Adapt a `Recognizer`, the papers' model."""
    from isotrope.training.adaptation import AdaptationTrainer
    from isotrope.training.adaptation_config import AdaptationConfig
    from isotrope.training.card import write_card

    trainer = AdaptationTrainer(AdaptationConfig(**settings), data, out, base)
    if not trainer.config.full:
        _say_size(trainer.adapted)
    seen = trainer.epoch * len(trainer.train)
    with Progress(seen, trainer.config.epochs * len(trainer.train)) as progress:
        trainer.fit(progress.report)
    if not trainer.config.full:
        write_card(trainer)
    best = trainer.best
    _say_result(out, trainer.rows[0], best, len(trainer.valid), 60 * best["hours"])


def _say_size(adapted) -> None:
    from isotrope.lora import count_parameters

    own, whole = count_parameters(adapted)
    typer.echo(f"{own:,} parameters, {100 * own / whole:.1f}% of the model's {whole:,}")


def _say_result(out: Path, before: dict, best: dict, lines: int, minutes: float) -> None:
    typer.echo(
        f"{out}: CER {100 * before['cer']:.1f}% -> {100 * best['cer']:.1f}%, WER "
        f"{100 * before['wer']:.1f}% -> {100 * best['wer']:.1f}% on {lines} held-out "
        f"lines; {minutes:.0f} min"
    )
