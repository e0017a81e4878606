"""Cut what was read into pieces, the tokens of the translator's encoder. No torch."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

SIZE = 8
"""Most characters of a piece; longer words are cut."""

_WORDS = re.compile(r"[^\W_]+['’]?|[^\w\s]|_")


def spans(text: str) -> list[tuple[int, int]]:
    """Find the pieces of a text: words, with a final apostrophe, and single signs.

    Examples:
        >>> [("l'arbre, vraiment"[a:b]) for a, b in spans("l'arbre, vraiment")]
        ["l'", 'arbre', ',', 'vraiment']
    """
    found = []
    for word in _WORDS.finditer(text):
        first, end = word.span()
        found += pairwise([*range(first, end, SIZE), end])
    return found


def gathered(features: np.ndarray, text: str) -> np.ndarray:
    """Arrange the features of a text's characters by piece.

    Args:
        features: One vector per character, `(len(text), F)`.
        text: The text.

    Returns:
        `(pieces, SIZE, F)`; the rest of a short piece is zero.
    """
    found = spans(text)
    pieces = np.zeros((len(found), SIZE, features.shape[1]), np.float32)
    for piece, (first, end) in zip(pieces, found, strict=True):
        piece[: end - first] = features[first:end]
    return pieces
