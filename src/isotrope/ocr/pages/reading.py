"""Read strips with any engine, also those too long for it. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from isotrope.io.errors import ImageError
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.recognition.pieces import pieces

_LENGTHS = (40, 20, 10, 5)
"""Lengths in heights to which strips that an engine rejects are cut, one after the other."""


def read_strips(
    engine: Engine, strips: Sequence[np.ndarray], batch_size: int = 32
) -> list[Transcript]:
    """Read strips, cutting those that the engine's `check` rejects at blank columns.

    Args:
        engine: Reads lines.
        strips: (H, W, 3), uint8 RGB.
        batch_size: As in `Engine.read`.

    Returns:
        One for each strip; empty if the engine rejects even its pieces.
    """
    check = getattr(engine, "check", None)
    if check is None:
        return engine.read(strips, batch_size)
    cut = [_fitting(check, strip) for strip in strips]
    said = iter(engine.read([part for parts in cut for part in parts], batch_size))
    return [joined([next(said) for _ in parts]) for parts in cut]


def joined(parts: Sequence[Transcript]) -> Transcript:
    """The transcript of a line from those of its pieces, from left to right.

    Upside down, the text begins at the right. The confidence is that of the worst piece.
    """
    if len(parts) == 1:
        return parts[0]
    parts = [part for part in parts if part.text]
    if not parts:
        return Transcript("", 0.0)
    letters: Counter[int] = Counter()
    for part in parts:
        letters[part.orientation] += len(part.text)
    orientation = max(letters, key=lambda turn: (letters[turn], -turn))
    parts = parts[::-1] if orientation == 180 else parts
    characters = list(parts[0].characters)
    for part in parts[1:]:
        if characters and part.characters:
            characters.append(min(characters[-1], part.characters[0]))
        characters += part.characters
    text = " ".join(part.text for part in parts)
    return Transcript(
        text,
        min(part.confidence for part in parts),
        tuple(characters) if len(characters) == len(text) else (),
        orientation,
        adapter=parts[0].adapter,
    )


def _fitting(check: Callable[[np.ndarray], None], strip: np.ndarray) -> list[np.ndarray]:
    """The strip, or pieces of it that pass; none if it cannot be cut so."""
    height = strip.shape[0]
    for length in (strip.shape[1] / height + 1, *_LENGTHS):
        parts = [np.ascontiguousarray(part) for part in pieces(strip, height, int(length * height))]
        try:
            for part in parts:
                check(part)
        except ImageError:
            continue
        return parts
    return []
