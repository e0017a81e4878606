"""The words of a line that was read, with their places on the page. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

from isotrope.ocr.document import Word
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.geometry import rounded
from isotrope.ocr.pages.strips import Strip

_NARROW, _WIDE = frozenset("fijlrtI1.,:;'!|()[]- "), frozenset("mwMWÆŒæœ—@%")

_SPREAD = 0.3
"""How far a letter reaches beyond the columns where it was read, as a share of a strip's height."""


def words(said: Transcript, strip: Strip) -> tuple[Word, ...]:
    """The words of a line.

    Args:
        said: What the engine read. Without the places of its characters, they share the line by
            their usual widths.
        strip: The strip that it read.
    """
    places = said.places or _usual_places(said.text)
    width, height = strip.size
    spread = _SPREAD * height / width if said.places else 0.0
    spans = [match.span() for match in re.finditer(r"\S+", said.text)]
    edges = [(places[first][0], places[end - 1][1]) for first, end in spans]
    found = []
    for number, (first, end) in enumerate(spans):
        left, right = edges[number]
        before = edges[number - 1][1] if number else 0.0
        after = edges[number + 1][0] if number + 1 < len(edges) else 1.0
        left = max(left - spread, min(left, (2 * left + before) / 3 if number else before))
        right = min(right + spread, max(right, (2 * right + after) / 3 if after < 1 else after))
        characters = tuple(map(rounded_confidence, said.characters[first:end]))
        found.append(
            Word(
                said.text[first:end],
                min(characters, default=rounded_confidence(said.confidence)),
                rounded(strip.outline.part(strip.along(left), strip.along(right))),
                characters,
            )
        )
    return tuple(found)


def rounded_confidence(value: float) -> float:
    """A confidence with the digits that mean something, which documents hold."""
    return round(float(value), 4)


def _usual_places(text: str) -> Sequence[tuple[float, float]]:
    widths = [0.5 if sign in _NARROW else 1.5 if sign in _WIDE else 1.0 for sign in text]
    total, at, places = sum(widths), 0.0, []
    for width in widths:
        places.append((at / total, (at + width) / total))
        at += width
    return places
