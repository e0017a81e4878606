"""What training writes beside checkpoints, and what it decays."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from torch import nn

from isotrope.io.files import filling, replacing


def keep_model(model: Any, folder: Path) -> None:
    """`model.save_pretrained(folder)`, each file written whole or left as it was."""
    with filling(folder) as partial:
        model.save_pretrained(partial)


def write_log(path: Path, rows: list[dict]) -> None:
    """Writes rows as a CSV at one stroke; empty where a row lacks a column that another has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def decayed(model: nn.Module, weight_decay: float) -> list[dict]:
    """Weight decay on matrices and filters, none on norms, biases and other vectors."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
