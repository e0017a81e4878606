"""LoRA adapters, through peft, that leave the symmetry intact: [LoRA-GSA] sections 2 to 5."""

from isotrope.lora.adapters import (
    active_adapter,
    add_adapter,
    count_parameters,
    load_adapter,
    save_adapter,
    switch_adapter,
    weights_digest,
)
from isotrope.lora.filters import FilterLora
from isotrope.lora.targets import TARGETS, adapted_targets, target_names

__all__ = [
    "TARGETS",
    "FilterLora",
    "active_adapter",
    "adapted_targets",
    "add_adapter",
    "count_parameters",
    "load_adapter",
    "save_adapter",
    "switch_adapter",
    "target_names",
    "weights_digest",
]
