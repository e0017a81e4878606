"""Helpers of the training loop: saving models, the log, weight decay."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from torch import nn

from isotrope.io.files import filling, replacing


def keep_model(model: Any, folder: Path) -> None:
    """`model.save_pretrained(folder)`, with each file written atomically."""
    with filling(folder) as partial:
        model.save_pretrained(partial)


def write_log(path: Path, rows: list[dict]) -> None:
    """Write rows as a CSV, atomically; columns that a row lacks are empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def decayed(model: nn.Module, weight_decay: float) -> list[dict]:
    """Parameter groups: weight decay on matrices and filters, none on norms, biases, vectors."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
