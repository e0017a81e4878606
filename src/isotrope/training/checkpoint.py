"""The checkpoint of a run: written whole, read without running code, refused for another recipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from isotrope.io.files import replacing

_BROKEN = (OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError, UnpicklingError)
"""What loading a checkpoint raises that is damaged or of another model."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them in the place of what is there."""
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, its tensors on the CPU.

    Raises:
        ValueError: It is damaged.
    """
    with restoring(path):
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"it holds a {type(state).__name__}")
    return state


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """Turn whatever a damaged checkpoint, or one of another model, raises into one ValueError."""
    try:
        yield
    except _BROKEN as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{path} is broken or of another model ({reason}); remove it to train from the start"
        ) from error


def refuse_another(path: Path, kept: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with a checkpoint of another recipe or other data.

    Args:
        kept, now: What makes a run what it is, by name; what `now` does not name is not compared.

    Raises:
        ValueError: Something differs; it is named.
    """
    other = [name for name in now if name not in kept or kept[name] != now[name]]
    if other:
        changes = ", ".join(
            f"{name} was {_short(kept.get(name))} and is {_short(now[name])}" for name in other
        )
        raise ValueError(
            f"{path} is of another recipe or other data: {changes}; give those that it was made "
            "with, or remove it to train from the start"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
