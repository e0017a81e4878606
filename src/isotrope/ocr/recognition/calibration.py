"""Confidences as probabilities of being right, by four numbers of a model's folder. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from isotrope.ocr.recognition.ctc import Decoded

KEY = "calibration"
"""Where `config.json` keeps it. Without that key confidences are left as they are."""

Curve = tuple[float, float]
"""`(intercept, slope)` of a logistic curve."""


@dataclass(frozen=True)
class Calibration:
    """Two logistic curves (Platt 1999).

    A character whose highest softmax probability is `p` is right with the probability

        q = sigmoid(a + b logit(p)),                      characters = (a, b)

    and a text with characters of `q_1 .. q_n` is right from end to end with the probability

        sigmoid(c + d sqrt(-sum_i log q_i)),              text = (c, d)

    If characters failed independently, that would be the product of the q's. They fail together, in
    lines that are hard to read, so the product is too low for clean print.

    Args:
        characters: the curve of characters; (0, 1) leaves them as they are.
        text: the curve of texts. None: the geometric mean of the characters stands for it.
    """

    characters: Curve = (0.0, 1.0)
    text: Curve | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Calibration:
        """What a model's configuration says; the identity where it says nothing.

        Raises:
            ValueError: it does not give two numbers each for `characters` and `text`.
        """
        if KEY not in config:
            return cls()
        try:
            curves = [config[KEY][name] for name in ("characters", "text")]
            (a, b), (c, d) = ([float(number) for number in curve] for curve in curves)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{KEY}={config[KEY]!r} must hold two numbers each for characters and text; "
                "remove it, or run benchmarks/calibration.py"
            ) from error
        return cls((a, b), (c, d))

    def to_dict(self) -> dict[str, Any]:
        """As `config.json` keeps it under `KEY`."""
        return {"characters": self.characters, "text": self.text}

    def of_characters(self, probabilities: ArrayLike) -> np.ndarray:
        """How likely each character is right, of its highest softmax probability."""
        if self.characters == (0.0, 1.0):
            return np.asarray(probabilities, np.float64)
        return sigmoid(self.characters[0] + self.characters[1] * logit(probabilities))

    def of_text(self, characters: ArrayLike) -> float | None:
        """How likely all of a text is right, of `of_characters`; None without a curve of texts."""
        if self.text is None:
            return None
        return float(sigmoid(self.text[0] + self.text[1] * surprise(characters)))

    def applied(self, decoded: Decoded) -> Decoded:
        """A text with its confidences calibrated."""
        if not decoded.text:
            return decoded
        characters = tuple(self.of_characters(decoded.confidences).tolist())
        return replace(decoded, confidences=characters, probability=self.of_text(characters))


def surprise(characters: ArrayLike) -> float:
    """`sqrt(-sum_i log q_i)`: 0 for a text without doubt."""
    return float(np.sqrt(-np.log(np.maximum(characters, 1e-9)).sum()))


def logit(probabilities: ArrayLike) -> np.ndarray:
    """`log(p / (1 - p))`, finite: float32 cannot tell the surest from 1."""
    p = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def sigmoid(scores: float | np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(-x))`, without overflow."""
    return 1 / (1 + np.exp(-np.clip(scores, -40.0, 40.0)))
