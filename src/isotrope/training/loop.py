"""Helpers of the training loop: saving models, the log, weight decay."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
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


def decayed(
    model: nn.Module, weight_decay: float, faster: Mapping[str, float] = MappingProxyType({})
) -> list[dict]:
    """Parameter groups: weight decay on matrices and filters, none on norms, biases, vectors.

    Args:
        faster: Factors of the learning rate, each for the parameters whose names contain the key.
            Such a parameter is in a group that has the factor as "speed".
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): [], (1.0, False): []}
    for name, parameter in model.named_parameters():
        speed = next((factor for part, factor in faster.items() if part in name), 1.0)
        groups.setdefault((speed, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": chosen, "weight_decay": weight_decay if matrices else 0.0}
        | ({} if speed == 1 else {"speed": speed})
        for (speed, matrices), chosen in groups.items()
    ]
