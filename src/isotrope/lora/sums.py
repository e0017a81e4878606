"""Several adapters at once: their weighted sum, in numpy. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from isotrope.lora.characters import NewCharacters, load_characters
from isotrope.lora.merging import merged_weights

Terms: TypeAlias = tuple[tuple[float, Path], ...]
"""The weight and the folder of each adapter of a sum."""


def summed_weights(
    model: str, charset: str | None, parameters: Mapping[str, np.ndarray], terms: Terms
) -> dict[str, np.ndarray]:
    """The weights that a sum of adapters changes, as float32: `W + sum_i w_i (W_i - W)`.

    `W_i` is the weight that adapter `i` alone would make, so that this is `W + sum_i w_i s_i B_i
    A_i` for LoRA (Zhang et al. 2023, https://arxiv.org/abs/2306.14870), and has a meaning for every
    other kind. One adapter of weight 1 gives its own weights, bit for bit. New characters are those
    of `summed_characters`, in rows below those of the head.

    Args:
        model, charset, parameters: As for `isotrope.lora.fit.described`.
        terms: One or more.

    Raises:
        FileNotFoundError, ValueError: As in `merged_weights`, for any of them.
    """
    alone = [
        (np.float32(weight), merged_weights(model, charset, parameters, folder))
        for weight, folder in terms
    ]
    if len(alone) == 1 and alone[0][0] == 1:
        return alone[0][1]
    rows = summed_characters(terms)
    summed: dict[str, np.ndarray] = {}
    for weight, changed in alone:
        for name, moved in changed.items():
            base = parameters[name].astype(np.float32)
            moved = moved[: len(base)]  # without the rows of new characters
            summed[name] = summed.get(name, base) + weight * (moved - base)
    return summed | (rows.stacked(parameters) if rows else {})


def summed_characters(terms: Terms) -> NewCharacters | None:
    """The new characters of all adapters; None if they have none.

    A row belongs to a character that the model itself cannot read, so it is no difference that
    could be weighted: it is kept as it is. That of a character in several adapters is their mean by
    weight.

    Raises:
        ValueError: A file is broken.
    """
    found: dict[str, list[tuple[float, np.ndarray]]] = {}
    for weight, folder in terms:
        if (rows := load_characters(folder)) is None:
            continue
        whole = np.concatenate([rows.weight, rows.bias[:, None]], axis=1)
        for character, row in zip(rows.characters, whole, strict=True):
            found.setdefault(character, []).append((weight, row))
    if not found:
        return None
    united = np.stack([_mean(rows) for rows in found.values()])
    return NewCharacters("".join(found), united[:, :-1], united[:, -1])


def _mean(rows: list[tuple[float, np.ndarray]]) -> np.ndarray:
    if len(rows) == 1:
        return rows[0][1]
    weights = np.maximum([weight for weight, _ in rows], 0.0)
    even = np.ones(len(rows))
    mean = np.average([row for _, row in rows], axis=0, weights=weights if weights.any() else even)
    return mean.astype(np.float32)
