"""The comparison of adapters of the shipped reader: what is trained, and how it is scored."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.joined import JoinedLines
from isotrope.data.lines import LabeledLines
from isotrope.ocr.engines.base import Transcript
from line_adapters import FOLLOWING, SETS, FullRecipe, Run, scores


@pytest.mark.parametrize("name", [name for name in SETS if name not in FOLLOWING])
def test_few_lines_are_seen_as_often_as_stated(name):
    recipe = Run(name, "lora", 100).recipe()
    assert recipe.data.lines == 100
    assert recipe.schedule.epochs == recipe.run.validate_epochs == 10
    assert recipe.data.source


def test_full_fine_tuning_differs_in_its_learning_rate_alone():
    recipe, full = Run("hands", "lora", 500).recipe(), Run("hands", "full", 500).recipe()
    assert isinstance(full, FullRecipe)
    assert full.adapter.full
    assert full.optimizer.learning_rate == 3e-4
    assert (full.schedule, full.run) == (recipe.schedule, recipe.run)
    assert full.data.source == recipe.data.source
    every = Run("hands", "full", None).recipe().schedule
    assert every == Run("hands", "lora", None).recipe().schedule


def test_lines_are_scored_with_and_without_case(tmp_path):
    for number in range(5):
        Image.fromarray(np.full((4, 8), 50 * number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = "".join(f"{number}.png\tLine {number}\n" for number in range(5))
    (tmp_path / "labels.tsv").write_text(rows, encoding="utf-8")

    def read(lines, batch_size):
        return [Transcript(f"line {line[0, 0, 0] // 50}", 1.0) for line in lines]

    reader = SimpleNamespace(read=read)
    found = scores(reader, LabeledLines(tmp_path), 3)
    assert found == {
        "valid_lines": 3,
        "cer": round(1 / 6, 5),
        "wer": 0.5,
        "cer_without_case": 0,
        "parts": "",
    }
    joined = scores(reader, JoinedLines([LabeledLines(tmp_path)] * 2, "both"))
    assert list(json.loads(joined["parts"]).values()) == [[10, round(1 / 6, 5), 0]]
