"""The result of the papers' recognizer for a batch of images, on torch and onnxruntime."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from isotrope.ocr.gsanet.decoding import Texts
from isotrope.text.tokens import SPECIAL


class Written(NamedTuple):
    """The texts of B images.

    Args:
        texts: one per image.
        confidences: `(B,)` in [0, 1]: the geometric mean of the probabilities of a text's
            characters and of its end.
        orientations: `(B,)`: turn of each text from upright, in degrees counter-clockwise.
        characters: for each text, the probability of each character; empty if tokens are word
            pieces.
    """

    texts: list[str]
    confidences: Tensor | np.ndarray
    orientations: Tensor | np.ndarray
    characters: list[tuple[float, ...]]


def character_confidences(texts: Texts, first: int = SPECIAL) -> list[tuple[float, ...]]:
    """Probability of each character; tokens from `first` on are characters."""
    rows = zip(texts.tokens.tolist(), texts.log_p.exp().tolist(), strict=True)
    return [tuple(p for token, p in zip(*row, strict=True) if token >= first) for row in rows]
