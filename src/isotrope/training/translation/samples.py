"""Training samples of a translator: pieces with features, and the tokens of the translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isotrope.ocr.translation.pieces import SIZE
from isotrope.text.tokens import BOS, EOS, PAD

_ERRORS, _RATE = 0.3, 0.04
"""Share of the texts with simulated reading errors, and the rate of errors in them."""

IGNORED = -100


@dataclass(frozen=True, eq=False)
class PieceSample:
    """A sentence: `pieces` `(P, SIZE, F)` float16, and the tokens of its translation."""

    pieces: np.ndarray
    tokens: list[int]

    @property
    def extent(self) -> int:
        """What its cost grows with."""
        return len(self.pieces) + len(self.tokens)


class FeatureBank:
    """Features of each character as a recognizer gave them, to write any text with.

    Args:
        characters: The character of each vector.
        features: The vectors, `(n, F)`.
        most: The number kept of each character.
    """

    def __init__(
        self, characters: str, features: np.ndarray, most: int = 48, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        places: dict[str, list[int]] = {}
        for place, character in enumerate(characters):
            places.setdefault(character, []).append(place)
        self.index = {c: number for number, c in enumerate(sorted(places), start=1)}
        shape = (len(places) + 1, most, features.shape[1])
        self.vectors = np.zeros(shape, np.float16)  # the first is for unknown characters
        self.means = np.zeros((shape[0], shape[2]), np.float16)
        for character, number in self.index.items():
            own = np.array(places[character])
            few = len(own) < most
            chosen = rng.choice(own, most, replace=few)
            self.vectors[number] = features[chosen]
            self.means[number] = features[own].astype(np.float32).mean(axis=0)

    def draw(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """A random vector of each character: `(len(text), F)`."""
        numbers = self.numbers(text)
        return self.vectors[numbers, rng.integers(self.vectors.shape[1], size=len(numbers))]

    def mean(self, text: str) -> np.ndarray:
        """The mean vector of each character: `(len(text), F)`."""
        return self.means[self.numbers(text)]

    def numbers(self, text: str) -> np.ndarray:
        """The number of each character; 0 if it is unknown."""
        return np.array([self.index.get(c, 0) for c in text], np.int64)


def curled(text: str, rng: np.random.Generator) -> str:
    """Curl the apostrophes of half of the texts, as fonts do, whatever was typed."""
    return text.replace("'", "’") if "'" in text and rng.random() < 0.5 else text


def misread(text: str, rng: np.random.Generator, alphabet: str) -> str:
    """Simulate reading errors in some texts: characters replaced, lost, doubled or split off."""
    if rng.random() > _ERRORS:
        return text
    written = []
    for character, chance in zip(text, rng.random(len(text)) / _RATE, strict=True):
        if chance > 1:
            written.append(character)
        elif chance < 0.6:
            written.append(alphabet[rng.integers(len(alphabet))])
        elif chance > 0.8:
            written.append(character + (character if chance > 0.9 else " "))
    return "".join(written)


def collate(samples: Sequence[PieceSample]) -> dict[str, Tensor]:
    """Pad samples to a batch: `pieces`, `present`, `tokens` and `labels`."""
    most = max(len(s.pieces) for s in samples)
    longest = max(len(s.tokens) for s in samples) + 1
    width = samples[0].pieces.shape[2]
    pieces = np.zeros((len(samples), most, SIZE, width), np.float32)
    present = np.zeros((len(samples), most), bool)
    tokens = np.full((len(samples), longest), PAD)
    labels = np.full((len(samples), longest), IGNORED)
    for row, sample in enumerate(samples):
        count, length = len(sample.pieces), len(sample.tokens)
        pieces[row, :count] = sample.pieces
        present[row, :count] = True
        tokens[row, : length + 1] = [BOS, *sample.tokens]
        labels[row, : length + 1] = [*sample.tokens, EOS]
    arrays = {"pieces": pieces, "present": present, "tokens": tokens, "labels": labels}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
