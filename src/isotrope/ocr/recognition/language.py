"""Decode columns with a language model: what the network sees, and what is likely to be written.

Shallow fusion (Gulcehre et al. 2015): of all texts `y`, keep the one with the highest

    log p(y | columns) + weight log p(y) + bonus |y|

where the first term is CTC's, summed over all its paths, and the second the language model's. The
bonus makes up for the probability that every further character costs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from isotrope.io.files import replacing
from isotrope.ocr.loading import SHIPPED
from isotrope.text.ngrams import Ngrams

CONFIG, OWN = "language.json", "language.npz"
"""Files of an adapter with a language model: how it is used, and its own n-grams."""

GENERAL = SHIPPED / "language"
"""The shipped n-grams, a file for each language."""


@dataclass(frozen=True)
class Fusion:
    """How much a language model counts: see the module."""

    weight: float
    bonus: float


_SWITCH = 0.3
"""How fast a line's past is forgotten. Tried on the validation lines of four hands: 0.03 to 0.3 are
alike, and better than 1, which is a mean with fixed weights."""


class Language:
    """A weighted mean of n-gram models, over the classes of a recognizer.

    `p(c | h) = sum_i w_i(h) p_i(c | h)`, where the weights begin as the shares and follow what the
    line turns out to be (fixed share, Herbster and Warmuth 1998), so that an English line is read
    as English:

        w_i(hc) = (1 - SWITCH) w_i(h) p_i(c | h) / p(c | h) + SWITCH share_i

    Args:
        charset: The recognizer's characters.
        parts: The models by name; "own" is the adapter's own.
        shares: The weight of each; they sum to 1.
        fusion: How to decode with it.
    """

    def __init__(
        self, charset: str, parts: dict[str, Ngrams], shares: dict[str, float], fusion: Fusion
    ) -> None:
        self.charset, self.parts, self.shares, self.fusion = charset, parts, shares, fusion
        self._models = [(parts[name], parts[name].encode(charset)) for name in shares]
        self._shares = np.log(list(shares.values()))

    @property
    def order(self) -> int:
        """Characters in the longest n-gram."""
        return max(model.order for model, _ in self._models)

    def states(self, text: str) -> np.ndarray:
        """The states at the start of a line and after each character.

        Returns:
            `(len(text) + 1, states)`: those of the models, then `log w` of each.
        """
        scores = np.stack([model.log_probabilities(text) for model, _ in self._models], axis=-1)
        weights = [self._shares]
        for score in scores:
            weights.append(self._followed(weights[-1] + score)[1])
        return np.concatenate([*(m.states(text) for m, _ in self._models), weights], axis=-1)

    def after(self, classes: Sequence[int]) -> np.ndarray:
        """The state after a text given as classes, `(1, states)`."""
        return self.states("".join(self.charset[one - 1] for one in classes))[-1:]

    def step(self, states: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score every class after every state.

        Args:
            states: `(B, states)`.
            classes: Classes that are not the blank, `(C,)`, or `(B, C)`, others for every state.

        Returns:
            `log p`, `(B, C)`, and the states that follow, `(B, C, states)`.
        """
        scores, after, begin = [], [], 0
        for model, ids in self._models:
            own = states[:, begin : begin + model.order].astype(np.int64)
            begin += model.order
            score, state = model.step(own, ids[classes - 1])
            scores.append(score)
            after.append(state)
        total, weights = self._followed(states[:, None, begin:] + np.stack(scores, axis=-1))
        return total, np.concatenate([*after, weights], axis=-1)

    def _followed(self, weighted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`log p` from `log w_i p_i`, `(.., models)`, and the weights after this character."""
        total = np.logaddexp.reduce(weighted, axis=-1)
        past = weighted - total[..., None] + np.log1p(-_SWITCH)
        return total, np.logaddexp(past, self._shares + np.log(_SWITCH))

    def save(self, folder: Path) -> None:
        """Write the model next to an adapter, in place of another; shipped parts are not copied."""
        if "own" in self.shares:
            with replacing(folder / OWN) as temporary:
                self.parts["own"].save(temporary)
        else:
            (folder / OWN).unlink(missing_ok=True)
        config = {
            "parts": {name: round(share, 4) for name, share in self.shares.items()},
            "weight": self.fusion.weight,
            "bonus": self.fusion.bonus,
        }
        with replacing(folder / CONFIG) as temporary:
            temporary.write_text(json.dumps(config, indent=1) + "\n")

    @classmethod
    def load(cls, folder: str | Path, charset: str) -> Language | None:
        """Load the language model of an adapter; None if it has none.

        Raises:
            ValueError: A file is missing or broken.
        """
        folder = Path(folder)
        if not (folder / CONFIG).is_file():
            return None
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            shares = {str(name): float(share) for name, share in config["parts"].items()}
            fusion = Fusion(float(config["weight"]), float(config["bonus"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{folder / CONFIG} is broken ({error}); copy it again, or delete it to read "
                "without a language model"
            ) from error
        own = {"own": Ngrams.load(folder / OWN)} if "own" in shares else {}
        parts = own | {name: general(name) for name in shares if name != "own"}
        return cls(charset, parts, shares, fusion)


def summed_language(terms: Sequence[tuple[float, Path]], charset: str) -> Language | None:
    """The language model of a weighted sum of adapters; None if none of them has one.

    Shares, weights and bonuses are the mean of theirs, by the weights of the sum. An adapter
    without a language model counts as one with weight and bonus 0.

    Raises:
        ValueError: A file is missing or broken.
    """
    loaded = [(abs(weight), Language.load(folder, charset)) for weight, folder in terms]
    found = [(weight, language) for weight, language in loaded if language is not None and weight]
    if not found:
        return None
    if len(found) == len(loaded) == 1:
        return found[0][1]
    total, spoken = sum(weight for weight, _ in loaded), sum(weight for weight, _ in found)
    parts: dict[str, Ngrams] = {}
    shares: dict[str, float] = {}
    for place, (weight, language) in enumerate(found):
        for name, share in language.shares.items():
            key = f"own {place}" if name == "own" else name
            parts[key] = language.parts[name]
            shares[key] = shares.get(key, 0.0) + share * weight / spoken
    fusion = Fusion(
        sum(weight * language.fusion.weight for weight, language in found) / total,
        sum(weight * language.fusion.bonus for weight, language in found) / total,
    )
    return Language(charset, parts, shares, fusion)


@lru_cache
def general(name: str) -> Ngrams:
    """A shipped model of a language: "de", "en" or "fr".

    Raises:
        ValueError: There is none of this name.
    """
    return Ngrams.load(GENERAL / f"{name}.npz")


def languages() -> Sequence[str]:
    """The names of the shipped models."""
    return sorted(path.stem for path in GENERAL.glob("*.npz"))
