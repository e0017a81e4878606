"""What the loops share: their reports, weight decay, and how a broken checkpoint shows."""

from __future__ import annotations

from collections.abc import Callable
from pickle import UnpicklingError

from torch import nn

Report = Callable[[dict[str, float]], None]

BROKEN_CHECKPOINT = (
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    TypeError,
    ValueError,
    UnpicklingError,
)
"""What loading a checkpoint raises that is damaged or of another model."""


def decayed(model: nn.Module, weight_decay: float) -> list[dict]:
    """Weight decay on matrices and filters, none on norms, biases and other vectors."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
