"""Merge an adapter into the weights it was made for, in numpy. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isotrope.io.tensors import load_tensors
from isotrope.lora.characters import load_characters
from isotrope.lora.fit import (
    BASE,
    CONFIG,
    REMEDY,
    WEIGHTS,
    described,
    differences,
    refuse_changed_base,
)

_PREFIX = "base_model.model."
_PARTS = (".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector")
_UNKNOWN = ("rank_pattern", "alpha_pattern", "lora_bias", "modules_to_save")


def merged_weights(
    model: str, charset: str | None, parameters: Mapping[str, np.ndarray], folder: str | Path
) -> dict[str, np.ndarray]:
    """The weights that an adapter changes, as float32: `W + (alpha / r) B A`.

    With rsLoRA the scale is `alpha / sqrt(r)`. `W`, also that of a filter, is treated as a matrix
    with a row for each output channel. With DoRA each row is rescaled to its learned length. New
    characters are rows below those of the head.

    Args:
        model, charset, parameters: As for `isotrope.lora.fit.described`.
        folder: An adapter that `save_adapter` wrote.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The files are broken, the adapter is of a kind that `add_adapter` does not make,
            or it was made for another model.
    """
    folder = Path(folder)
    if missing := [n for n in (CONFIG, WEIGHTS, BASE) if not (folder / n).is_file()]:
        raise FileNotFoundError(
            f"{folder} has no {' and no '.join(missing)}; give a folder that `isotrope adapt` wrote"
        )
    try:
        config = json.loads((folder / CONFIG).read_text())
        other = differences(
            json.loads((folder / BASE).read_text()), described(model, charset, parameters)
        )
        scale = config["lora_alpha"] / config["r"] ** (0.5 if config.get("use_rslora") else 1)
        foreign = [name for name in _UNKNOWN if config.get(name)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{folder} is broken ({error}); make or copy it again") from error
    if other:
        raise ValueError(f"{folder} was made for another model: {'; '.join(other)}; {REMEDY}")
    refuse_changed_base(folder, config)
    if foreign:
        raise ValueError(
            f"{folder} was made with {', '.join(foreign)}; merge it with peft, or adapt anew"
        )
    layers = _layers(load_tensors(folder / WEIGHTS))
    rows = load_characters(folder)
    try:
        moved = {
            f"{name}.weight": _moved(parameters[f"{name}.weight"], parts, scale)
            for name, parts in layers.items()
        }
        return moved | (rows.stacked(parameters) if rows else {})
    except (KeyError, ValueError) as error:
        raise ValueError(f"{folder} does not fit this model ({error}); {REMEDY}") from error


def _layers(tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """The adapter's tensors by layer, then by part."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for key, tensor in tensors.items():
        part = next((part for part in _PARTS if part in key), None)
        if part is None:
            raise ValueError(f"{key} is no part of a LoRA; make the adapter again")
        name = key.removeprefix(_PREFIX).partition(part)[0]
        layers.setdefault(name, {})[part] = tensor
    return layers


def _moved(weight: np.ndarray, parts: dict[str, np.ndarray], scale: float) -> np.ndarray:
    down, up = (parts[part].astype(np.float32) for part in _PARTS[:2])
    product = up.reshape(len(up), -1) @ down.reshape(len(down), -1)
    moved = weight.astype(np.float32) + np.float32(scale) * product.reshape(weight.shape)
    if (lengths := parts.get(_PARTS[2])) is None:
        return moved
    rows = moved.reshape(len(moved), -1)
    now = np.maximum(np.linalg.norm(rows, axis=1), np.finfo(np.float32).tiny)  # no row has 0
    rows *= (lengths.ravel() / now)[:, None]
    return rows.reshape(weight.shape)
