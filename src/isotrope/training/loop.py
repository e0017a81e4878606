"""What the loops share: an update, reports and logs, weight decay, refusing a checkpoint."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from isotrope.io.files import filling, replacing

Report = Callable[[dict[str, float]], None]

_BROKEN = (OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError, UnpicklingError)
"""What loading a checkpoint raises that is damaged or of another model."""


@contextmanager
def loading(checkpoint: Path, made_with: str) -> Iterator[None]:
    """Whatever loading a checkpoint raises becomes one ValueError that says what to do.

    Args:
        made_with: what must be the same to go on: "recipe", "recipe or data".
    """
    try:
        yield
    except _BROKEN as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{checkpoint} is broken or of another {made_with} ({reason}); "
            f"remove it to start anew, or give the {made_with} that it was made with"
        ) from error


def refuse_another(kept: dict, now: dict) -> None:
    """Raises ValueError with the names of what is not as it was."""
    other = [name for name in now if kept.get(name) != now[name]]
    if other:
        raise ValueError(f"{', '.join(other)} differs")


def update(fabric: Fabric, model: nn.Module, optimizer: Optimizer, loss: Tensor) -> None:
    """One step down the gradient, which is cut to a norm of 1."""
    fabric.backward(loss)
    fabric.clip_gradients(model, optimizer, max_norm=1.0, error_if_nonfinite=False)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def keep_model(model: nn.Module, folder: Path) -> None:
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
