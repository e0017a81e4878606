"""What the loops share: their reports, weight decay, and refusing a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

from torch import nn

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


def decayed(model: nn.Module, weight_decay: float) -> list[dict]:
    """Weight decay on matrices and filters, none on norms, biases and other vectors."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
