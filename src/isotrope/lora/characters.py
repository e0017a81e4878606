"""New characters of an adapter: rows that it adds to a model's head. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isotrope.io.tensors import load_with_metadata

CHARACTERS = "characters.safetensors"
"""The file beside an adapter's weights; an adapter without new characters has none."""

HEAD = "head"
"""The name of the linear layer that gets the rows."""


@dataclass(frozen=True)
class NewCharacters:
    """Characters that a model's charset lacks, and their rows of its head.

    Args:
        characters: The `n` characters, which follow those of the model.
        weight: `(n, d)`.
        bias: `(n,)`.
    """

    characters: str
    weight: np.ndarray
    bias: np.ndarray

    def stacked(self, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The weight and bias of the head with these rows below its own, as float32.

        Raises:
            ValueError: The rows do not fit this head.
        """
        own = {part: parameters[f"{HEAD}.{part}"] for part in ("weight", "bias")}
        if own["weight"].shape[1] != self.weight.shape[1]:
            raise ValueError(
                f"{CHARACTERS} has rows of {self.weight.shape[1]} numbers, and the head has rows "
                f"of {own['weight'].shape[1]}"
            )
        rows = {"weight": self.weight, "bias": self.bias}
        return {
            f"{HEAD}.{part}": np.concatenate([own[part], rows[part]]).astype(np.float32)
            for part in own
        }


def load_characters(folder: str | Path) -> NewCharacters | None:
    """The new characters of an adapter; None if it has none.

    Raises:
        ValueError: The file is broken.
    """
    path = Path(folder) / CHARACTERS
    if not path.is_file():
        return None
    tensors, metadata = load_with_metadata(path)
    characters = metadata.get("characters", "")
    weight, bias = tensors.get("weight"), tensors.get("bias")
    count = len(characters)
    if (
        weight is None
        or bias is None
        or weight.ndim != 2
        or not len(set(characters)) == count == len(weight) == bias.size > 0
    ):
        raise ValueError(
            f"{path} is broken: it needs a row of `weight` and a number of `bias` for each of the "
            "different `characters` in its metadata; make or copy the adapter again"
        )
    return NewCharacters(characters, weight.astype(np.float32), bias.ravel().astype(np.float32))


def added_characters(folder: str | Path | None) -> str:
    """The characters that an adapter adds to its model's charset."""
    found = None if folder is None else load_characters(folder)
    return found.characters if found else ""
