"""The model cards of adapters."""

from __future__ import annotations

from pathlib import Path

from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.lora import count_parameters
from isotrope.ocr.engines.gsanet import BEAMS
from isotrope.training.adaptation import AdaptationTrainer
from isotrope.training.tasks.adapting_recipe import Adapting
from isotrope.training.validation import LineScore


def write_card(trainer: AdaptationTrainer, scores: dict[int, LineScore] | None = None) -> Path:
    """Writes `README.md` beside the adapter of a trainer that has ended: its data, numbers, use.

    `scores`: of the held-out lines at the four turns; measured here unless given.
    """
    config, before, best = trainer.config, trainer.before, trainer.best
    lines = f"{len(trainer.train)} lines to train on, {len(trainer.valid)} held out"
    if trainer.left_out:
        lines += f", {trainer.left_out} left out that the model cannot write or open"
    options = "--engine gsanet" + (f" --weights {trainer.base}" if trainer.base else "")
    scores = scores or trainer.score(TURNS)
    training = (
        f"{best['epoch']} epochs (of at most {config.epochs}), {60 * best['hours']:.0f} minutes"
    )
    if config.start:
        training += f", from the adapter {config.start} on"
        training += ", then the mean of both" if best.get("halved") else ""
    own, base = count_parameters(trainer.adapted)
    turned = " ".join(
        f"| {100 * score.cer:.1f}% / {100 * score.wer:.1f}%" for score in scores.values()
    )
    path, name = trainer.out / "README.md", trainer.out.name
    text = f"""# {name}

A LoRA adapter of isotrope's recogniser: `isotrope read {options} --adapter {name} IMAGES`

| | |
|---|---|
| data | {trainer.data.name}: {lines} |
| acts on | {config.targets}; rank {config.rank}{", DoRA" if config.dora else ""} |
| parameters | {own:,}, {100 * own / base:.1f}% of the model's {base:,} |
| training | {training} |

On the held-out lines, character and word error rate, with {BEAMS} texts of each followed:

| without the adapter | with it, upright | at 90 | at 180 | at 270 degrees |
|---|---|---|---|---|
| {100 * before.cer:.1f}% / {100 * before.wer:.1f}% {turned} |
"""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def write_line_card(made: Adapting) -> Path:
    """Write `README.md` beside an adapter of a line recognizer: its data, numbers and use."""
    recipe, before, best = made.recipe, made.before, made.best
    own, base = count_parameters(made.adapted)
    start = f", from the adapter {recipe.start} on" if recipe.start else ""
    lines = f"{len(made.train)} lines to train on, {len(made.valid)} held out"
    if made.left_out:
        lines += f", {made.left_out} left out that the model cannot write or open"
    path, name = made.out / "README.md", made.out.name
    text = f"""# {name}

A LoRA adapter of isotrope's line recognizer: `isotrope read --adapter {name} IMAGES`, with
`--weights` where its base is not the shipped one.

| | |
|---|---|
| data | {made.data.name}: {lines} |
| base | {made.base.name} |
| acts on | {recipe.targets}; rank {recipe.rank}{", DoRA" if recipe.dora else ""} |
| parameters | {own:,}, {100 * own / base:.1f}% of the model's {base:,} |
| training | {made.engine.examples:,} lines seen, {made.engine.seconds / 60:.0f} minutes{start} |

On held-out lines that stand upright:

| | character error rate | word error rate |
|---|---|---|
| before | {100 * before["cer"]:.1f}% | {100 * before["wer"]:.1f}% |
| after | {100 * best["cer"]:.1f}% | {100 * best["wer"]:.1f}% |

The kept adapter was chosen on these lines, so expect slightly more errors on others. It acts behind
the frame, so a line reads the same at all four turns.
"""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
