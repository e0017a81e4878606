"""A description of the model an adapter was made for, stored with it in `base.json`. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "base.json"

REMEDY = "load the model that it was made for, or adapt this one"


def described(model: str, charset: str | None, parameters: Mapping[str, np.ndarray]) -> dict:
    """The description of a model, as far as its adapters depend on it.

    Args:
        model: The name of its class.
        charset: Its characters, in order; None if it has none.
        parameters: Its weights without adapters, by name.
    """
    return {
        "model": model,
        "charset": charset,
        "shapes": {name: list(array.shape) for name, array in parameters.items()},
        "weights": digest(parameters),
    }


def digest(parameters: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the values as float32, sorted by name."""
    whole = hashlib.sha256()
    for name in sorted(parameters):
        whole.update(np.ascontiguousarray(parameters[name], np.float32).tobytes())
    return whole.hexdigest()


def refuse_changed_base(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse an adapter of peft that acts on a base which its initialization has changed.

    Raises:
        ValueError: Such an adapter.
    """
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start not in ("gaussian", "orthogonal", "eva"):
        raise ValueError(
            f"{folder} was trained on a base that init_lora_weights={start!r} has changed; save it "
            "as a plain LoRA with peft's path_initial_model_for_weight_conversion"
        )


def differences(made_for: dict, here: dict) -> list[str]:
    """The differences between two `described` models, in words, coarsest first.

    If the shapes differ, the values differ too; this is not listed.
    """
    if made_for["model"] != here["model"]:
        return [f"a {made_for['model']}, and this is a {here['model']}"]
    found = []
    if made_for["charset"] != here["charset"]:
        theirs, ours = (set(d["charset"] or "") for d in (made_for, here))
        only = (f"{''.join(sorted(a - b))!r}" for a, b in ((theirs, ours), (ours, theirs)))
        found.append("its charset alone has {}, this one's {}".format(*only))
    theirs, ours = made_for["shapes"], here["shapes"]
    other = [n for n in sorted(theirs | ours) if theirs.get(n) != ours.get(n)]
    if other:
        first = other[0]
        shapes = (s.get(first, "missing") for s in (theirs, ours))
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        found.append("{} is {} there and {} here{}".format(first, *shapes, more))
    if not found and made_for["weights"] != here["weights"]:
        found.append("the same layers with other weights, as after training it again")
    return found
