"""A run's checkpoint: written atomically, loaded without running code, tied to its recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from isotrope.io.files import remove_leftovers, replacing

_BROKEN = (OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError, UnpicklingError)
"""Exceptions that loading a damaged checkpoint, or one of another model, may raise."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them, replacing any older checkpoint.

    A run that was killed as it wrote one left a file as large beside it, which is removed.
    """
    with replacing(path) as temporary:
        torch.save(state, temporary)
    remove_leftovers(path.parent)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load what `save_checkpoint` wrote, with its tensors on the CPU.

    Raises:
        ValueError: The checkpoint is damaged.
    """
    with restoring(path):
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"it holds a {type(state).__name__}")
    return state


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """Turn any error from a damaged checkpoint, or one of another model, into one ValueError."""
    try:
        yield
    except _BROKEN as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"{path} is broken or of another model ({reason}); remove it to train from the start"
        ) from error


def learned_state(module: nn.Module) -> dict[str, Tensor]:
    """The module's `state_dict` without its frozen parameters."""
    frozen = _frozen(module)
    return {name: value for name, value in module.state_dict().items() if name not in frozen}


def restore_state(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Load a `state_dict`, which may lack frozen parameters.

    Raises:
        ValueError: It has other names, or lacks some that are not frozen.
    """
    report = module.load_state_dict(state, strict=False)
    missing = set(report.missing_keys) - _frozen(module)
    if other := sorted(missing.union(report.unexpected_keys)):
        raise ValueError(f"{other[0]} is missing or unknown")


def _frozen(module: nn.Module) -> set[str]:
    named = module.named_parameters(remove_duplicate=False)
    return {name for name, parameter in named if not parameter.requires_grad}


def refuse_another(
    path: Path,
    kept: dict[str, Any],
    now: dict[str, Any],
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Refuse to resume from a checkpoint of another recipe or other data.

    Args:
        kept, now: The identity of the saved and of the present run, by name; only names in `now`
            are compared.
        defaults: What a name stands for that an older checkpoint lacks.

    Raises:
        ValueError: Something differs; the message names it.
    """
    kept = {**defaults, **kept}
    other = [name for name in now if name not in kept or not _alike(kept[name], now[name])]
    if other:
        changes = ", ".join(
            f"{name} was {_short(kept.get(name))} and is {_short(now[name])}" for name in other
        )
        raise ValueError(
            f"{path} is of another recipe or other data: {changes}; give those that it was made "
            "with, or remove it to train from the start"
        )


def _alike(kept: Any, now: Any) -> bool:
    """Whether two values are equal, but for what another processor makes of a sum of floats."""
    if isinstance(kept, list | tuple) and isinstance(now, list | tuple):
        return len(kept) == len(now) and all(map(_alike, kept, now))
    if isinstance(kept, float) and isinstance(now, float):
        return math.isclose(kept, now, rel_tol=1e-9)
    return kept == now


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
