"""Turn confidences into probabilities of being right with four fitted numbers. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from isotrope.ocr.recognition.ctc import Decoded

KEY = "calibration"
"""The key in `config.json`. Without it, confidences are not calibrated."""

Curve = tuple[float, float]
"""`(intercept, slope)` of a logistic curve."""


@dataclass(frozen=True)
class Calibration:
    """Two logistic curves (Platt 1999).

    A character with highest softmax probability `p` is right with probability

        q = sigmoid(a + b logit(p)),                      characters = (a, b)

    and a text with character probabilities `q_1 .. q_n` is entirely right with probability

        sigmoid(c + d sqrt(-sum_i log q_i)),              text = (c, d)

    If errors were independent, that would be the product of the q's. But they cluster in lines that
    are hard to read, so the product is too low for clean print.

    Args:
        characters: the curve for characters; (0, 1) is the identity.
        text: the curve for texts. None: use the geometric mean over the characters instead.
    """

    characters: Curve = (0.0, 1.0)
    text: Curve | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Calibration:
        """Load from a model's configuration; the identity if there is no calibration.

        Raises:
            ValueError: `characters` or `text` is not a pair of numbers.
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
        """Convert to the value stored under `KEY` in `config.json`."""
        return {"characters": self.characters, "text": self.text}

    def of_characters(self, probabilities: ArrayLike) -> np.ndarray:
        """Probability that each character is right, from its highest softmax probability."""
        if self.characters == (0.0, 1.0):
            return np.asarray(probabilities, np.float64)
        return sigmoid(self.characters[0] + self.characters[1] * logit(probabilities))

    def of_text(self, characters: ArrayLike) -> float | None:
        """Probability that a whole text is right, from `of_characters`; None without a curve."""
        if self.text is None:
            return None
        return float(sigmoid(self.text[0] + self.text[1] * surprise(characters)))

    def applied(self, decoded: Decoded) -> Decoded:
        """Calibrate the confidences of a decoded text."""
        if not decoded.text:
            return decoded
        characters = tuple(self.of_characters(decoded.confidences).tolist())
        return replace(decoded, confidences=characters, probability=self.of_text(characters))


def surprise(characters: ArrayLike) -> float:
    """`sqrt(-sum_i log q_i)`: 0 for a text read with certainty."""
    return float(np.sqrt(-np.log(np.maximum(characters, 1e-9)).sum()))


def logit(probabilities: ArrayLike) -> np.ndarray:
    """`log(p / (1 - p))`, finite: in float32, the highest probabilities round to 1."""
    p = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def sigmoid(scores: float | np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(-x))`, without overflow."""
    return 1 / (1 + np.exp(-np.clip(scores, -40.0, 40.0)))
