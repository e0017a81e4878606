"""The sizes and the vocabulary of a translator. No torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from isotrope.text.tokens import SPECIAL

SPACE = "▁"
"""What a word of the vocabulary begins with."""


@dataclass(frozen=True)
class TranslatorConfig:
    """Configuration of a `Translator`.

    Args:
        vocabulary: The word pieces it writes, in the order of their tokens; the first `SPECIAL` are
            special tokens.
        features: Channels of the recognizer's columns.
        letter: Channels of one character.
        width: Channels of a piece and of a token.
        hidden: Channels of the feed-forwards.
        heads: Attention heads.
        encoder_layers, decoder_layers: Layers of the two halves.
        most_pieces: Most pieces of a text; longer ones are translated in parts.
        most_tokens: Most tokens of a translation.
    """

    vocabulary: tuple[str, ...]
    features: int = 120
    letter: int = 48
    width: int = 256
    hidden: int = 768
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 2
    most_pieces: int = 64
    most_tokens: int = 64

    def to_dict(self) -> dict[str, Any]:
        """Convert to values that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TranslatorConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "vocabulary": tuple(values["vocabulary"])})

    def text(self, tokens: list[int]) -> str:
        """Join the word pieces of tokens; special tokens are left out."""
        written = "".join(self.vocabulary[token] for token in tokens if token >= SPECIAL)
        return written.replace(SPACE, " ").strip()
