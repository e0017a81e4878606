"""`isotrope adapt`: a LoRA adapter for a new script or hand from a few hundred lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import told
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
        Path | None, typer.Option(help="The model to adapt; the shipped one if left out.")
    ] = None,
    target: Annotated[
        str, typer.Option(help="What it acts on: all, encoder.attention, decoder.mlp, ...")
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
        bool, typer.Option("--full", help="Train all weights instead, for comparison.")
    ] = False,
    turned: Annotated[
        bool, typer.Option("--turned", help="Turn the lines, for a base that is not equivariant.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(help="How often each line is seen at most; 5 to 40, 8,000 lines in all."),
    ] = None,
    lines: Annotated[int | None, typer.Option(help="Train on so many of the lines.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order and the variations.")] = 0,
) -> None:
    """Teach the reader a new script or hand.

    Every tenth line, or page, is held out and validated on; training ends when five epochs in a row
    bring nothing. Writes the adapter (for `isotrope read --adapter`), README.md with its numbers,
    log.csv and checkpoint.pt.
    """
    with told():
        from isotrope.lora import count_parameters
        from isotrope.training.adaptation import AdaptationTrainer
        from isotrope.training.adaptation_config import AdaptationConfig
        from isotrope.training.card import write_card

        recipe = AdaptationConfig(
            targets=target,
            rank=rank,
            alpha=alpha,
            dora=dora,
            start=start,
            full=full,
            turned=turned,
            epochs=epochs,
            lines=lines,
            seed=seed,
        )
        trainer = AdaptationTrainer(recipe, data, out, base)
        if not full:
            own, whole = count_parameters(trainer.adapted)
            typer.echo(f"{own:,} parameters, {100 * own / whole:.1f}% of the model's {whole:,}")
        seen = trainer.epoch * len(trainer.train)
        with Progress(seen, trainer.config.epochs * len(trainer.train)) as progress:
            trainer.fit(progress.report)
        if not full:
            write_card(trainer)
    before, best = trainer.rows[0], trainer.best
    typer.echo(
        f"{out}: CER {100 * before['cer']:.1f}% -> {100 * best['cer']:.1f}%, WER "
        f"{100 * before['wer']:.1f}% -> {100 * best['wer']:.1f}% on {len(trainer.valid)} held-out "
        f"lines; {60 * best['hours']:.0f} min"
    )
