"""The model cards of translators."""

from __future__ import annotations

import csv
from pathlib import Path

from isotrope.io.files import replacing
from isotrope.io.tensors import load_tensors
from isotrope.lora.fit import WEIGHTS
from isotrope.ocr.translation.files import TENSORS, load_arrays
from isotrope.training.translator import Translation


def write_card(made: Translation) -> Path:
    """Write `README.md` next to a translator: its data, size and results."""
    _, _, arrays = load_arrays(made.out)
    own = sum(array.size for array in arrays.values())
    adapter = made.out / WEIGHTS
    lora = sum(a.size for a in load_tensors(adapter).values()) if adapter.is_file() else 0
    size = (made.out / TENSORS).stat().st_size + (adapter.stat().st_size if lora else 0)
    rows = "\n".join(_row(made, stage) for stage in made.stages)
    targets = sum(map(len, made.source.train.values()))
    text = f"""# {made.out.name}

A translator for isotrope's line recognizer: `isotrope read --adapter {made.out.name} IMAGES`

| | |
|---|---|
| data | {made.data.name}: {len(made.source.train):,} source sentences, {targets:,} pairs; \
{len(made.source.valid):,} sentences held out |
| lines | {len(made.lines):,} to train on, {len(made.held_out):,} held out |
| parameters | {own:,} of the translator, {lora:,} of the recognizer's LoRA adapter |
| size | {size / 1e6:.1f} MB |

| stage | examples | minutes | chrF on held-out lines |
|---|---|---|---|
{rows}

It translates line by line, sentences like those it was trained on. What it does not know it makes
up: the text reads well even where it is wrong.
"""
    path = made.out / "README.md"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _row(made: Translation, stage: str) -> str:
    with (made.out / stage / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    best = max(rows, key=lambda row: float(row["score"]))
    minutes = 60 * float(rows[-1]["hours"])
    return (
        f"| {stage} | {int(rows[-1]['examples']):,} | {minutes:.0f} | {float(best['chrf']):.1f} |"
    )
