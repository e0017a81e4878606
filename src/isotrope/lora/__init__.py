"""LoRA adapters, based on peft, that keep the symmetry: [LoRA-GSA] sections 2 to 5.

Names are imported on first use, because `lora.merging` needs neither torch nor peft.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isotrope.lora.adapters import (
        active_adapter,
        add_adapter,
        count_parameters,
        load_adapter,
        save_adapter,
        switch_adapter,
        weights_digest,
    )
    from isotrope.lora.filters import FilterLora, claim, register
    from isotrope.lora.head import CharacterHead, add_characters
    from isotrope.lora.methods import METHODS, method_of
    from isotrope.lora.targets import TARGETS, adapted_targets, target_names

__all__ = [
    "METHODS",
    "TARGETS",
    "CharacterHead",
    "FilterLora",
    "active_adapter",
    "adapted_targets",
    "add_adapter",
    "add_characters",
    "claim",
    "count_parameters",
    "load_adapter",
    "method_of",
    "register",
    "save_adapter",
    "switch_adapter",
    "target_names",
    "weights_digest",
]

_HOME = {
    **dict.fromkeys(("FilterLora", "claim", "register"), "filters"),
    **dict.fromkeys(("METHODS", "method_of"), "methods"),
    **dict.fromkeys(("CharacterHead", "add_characters"), "head"),
    **dict.fromkeys(("TARGETS", "adapted_targets", "target_names"), "targets"),
}


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'adapters')}"), name)
