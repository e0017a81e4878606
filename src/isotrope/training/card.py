"""The model cards of adapters."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from peft import PeftModel

from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.lora import count_parameters
from isotrope.lora.characters import added_characters
from isotrope.ocr.engines.gsanet import BEAMS
from isotrope.training.adaptation import Adaptation
from isotrope.training.tasks.bases import reading_options
from isotrope.training.tasks.sequence_adaptation_recipe import SequenceAdaptationRecipe
from isotrope.training.validation import LineScore

_FRAME = """The held-out lines stand upright. The adapter acts behind the frame, so a line reads the
same at all four turns."""

_BEAMS = f"""Each line was read with {BEAMS} texts followed side by side."""


def write_card(made: Adaptation, scores: dict[int, LineScore] | None = None) -> Path:
    """Write `README.md` next to a trained adapter: its data, results and use.

    Args:
        scores: Scores of the papers' model at the four turns; None: measure them.
    """
    adapter, name, best = made.recipe.adapter, made.out.name, made.best
    papers = isinstance(made.recipe, SequenceAdaptationRecipe)
    options = reading_options(made.base, made.recipe.engine)
    lines = f"{len(made.train)} lines to train on, {len(made.valid)} held out"
    if made.left_out:
        lines += f", {made.left_out} left out that the model cannot write or open"
    own, base = count_parameters(cast("PeftModel", made.adapted))
    training = f"{made.engine.examples:,} lines seen, {made.engine.seconds / 60:.0f} minutes"
    if adapter.start:
        training += f", from the adapter {adapter.start} on"
        training += ", then the mean of both" if best.get("mean") else ""
    method = "" if adapter.method == "lora" else f", {adapter.method}"
    before = f"before, with {adapter.start}" if adapter.start else "before"
    rows = {before: made.before, "after": best}
    if made.language is not None:
        rows["after, with its language model"] = made.language
    if papers:
        scores = scores or made.score(TURNS)
        rows = {"before, upright": made.before} | {
            f"after, at {degrees} degrees": {"cer": score.cer, "wer": score.wer}
            for degrees, score in scores.items()
        }
    table = "\n".join(
        f"| {label} | {100 * row['cer']:.1f}% | {100 * row['wer']:.1f}% |"
        for label, row in rows.items()
    )
    text = f"""# {name}

A LoRA adapter of {made.recipe.model}:
`isotrope read {options}--adapter {name} IMAGES`

| | |
|---|---|
| data | {made.data.name}: {lines} |
| base | {made.base.name if made.base else f"the shipped {made.recipe.name}"} |
| acts on | {adapter.targets}; rank {adapter.rank}{method} |
| parameters | {own:,}, {100 * own / base:.1f}% of the model's {base:,} |
| training | {training} |
| settings | {_settings(made)} |{_characters(made)}{_license(made)}

| held-out lines | character error rate | word error rate |
|---|---|---|
{table}

{_BEAMS if papers else _FRAME} The kept adapter was chosen on these lines, so expect slightly more
errors on others. Which lines and characters are misread: [report.html](report.html).
"""
    path = made.out / "README.md"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _characters(made: Adaptation) -> str:
    """The row of the new characters, if there are any."""
    new = added_characters(made.out)
    shown = " ".join(c if c not in "|`" else f"`{c}`" for c in new[:60])
    more = f" and {len(new) - 60} more" if len(new) > 60 else ""
    return f"\n| new characters | {len(new)}: {shown}{more} |" if new else ""


def _settings(made: Adaptation) -> str:
    recipe = made.recipe
    seen = f"{made.engine.examples / len(made.train):.1f} epochs"
    return f"learning rate {recipe.optimizer.learning_rate:g}, {seen}, seed {recipe.run.seed}"


def _license(made: Adaptation) -> str:
    given = made.recipe.adapter.license
    return f"\n| license | {given} |" if given else ""
