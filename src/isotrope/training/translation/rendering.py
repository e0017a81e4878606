"""Render given sentences as lines, in many fonts and conditions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from isotrope.data.synthetic.outlines import Outline, paint
from isotrope.data.synthetic.text import SyntheticText
from isotrope.ocr.recognition.constants import HEIGHT, STRIDE

STYLES = {"print": 0.85, "hand": 0.15}

DIFFICULTY = 0.5
"""How much lines are degraded; 1 makes some illegible, which would teach to make things up."""

_TRIES = 20


class Given:
    """Stands in for `Sentences`: draws from a list."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def draw(self, rng: np.random.Generator) -> str:
        """One of the texts."""
        return self.texts[int(rng.integers(len(self.texts)))]


class RenderedSentences:
    """Draws lines that show sentences of a list, each from its own number.

    Args:
        sentences: The texts.
        split: Of the fonts: "train" or "valid", whose families are disjoint.
        seed: Seed of all draws.

    Raises:
        FileNotFoundError: There are no fonts.
    """

    def __init__(self, sentences: Sequence[str], split: str, seed: int = 0) -> None:
        self.sentences, self.split, self.seed = sentences, split, seed
        longest = max(map(len, sentences))
        self._drawn = SyntheticText(
            split,
            seed,
            height=(HEIGHT, HEIGHT),
            difficulty=DIFFICULTY,
            max_characters=longest,
            style=STYLES,
            sentences=Given(sentences),  # pyright: ignore[reportArgumentType] # it draws, too
            stride=STRIDE,
        )

    def outline(self, rng: np.random.Generator, sentence: str | None = None) -> Outline:
        """Draw a line, not yet painted, of one sentence or of any.

        Raises:
            ValueError: No font shows it in its own letters.
        """
        given = None if sentence is None else Given([sentence])
        for _ in range(_TRIES):
            if given is not None:
                self._drawn.sentences = given  # pyright: ignore[reportAttributeAccessIssue]
            outline = self._drawn.draw(rng)
            if sentence is None or outline.text == sentence:  # some fonts have capitals alone
                return outline
        raise ValueError(f"{sentence!r}: no font found that shows it")

    def image(self, number: int, sentence: str) -> np.ndarray:
        """Draw a sentence: `(48, W, 3)` uint8 RGB, which depends only on seed and number.

        Raises:
            ValueError: No font shows it.
        """
        rng = np.random.default_rng([self.seed, number, self.split == "valid"])
        outline = self.outline(rng, sentence)
        image = paint([outline], torch.Generator().manual_seed(int(rng.integers(2**62))))[0]
        return (255 * image.permute(1, 2, 0)).round().byte().contiguous().numpy()
