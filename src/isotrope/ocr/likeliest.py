"""Choose the most likely text among the views of an image. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.ocr.doubts import doubts
from isotrope.ocr.engines import Transcript
from isotrope.ocr.reading import Reading
from isotrope.ocr.views import View

TRUST = 0.25
"""Exponent of the finder's probability as a factor of a text's confidence. It is below 1 because a
text that makes sense removes much of the finder's doubt; chosen on validation text."""


def likeliest(read: Sequence[tuple[View, Transcript]]) -> Reading:
    """Return the best reading of an image, breaking ties by the text.

    Its confidence is the line's, reduced if the finder is unsure that the line is upright.
    """

    def rank(entry: tuple[View, Transcript]) -> tuple[bool, float, str]:
        view, line = entry
        score = line.typical * view.probability**TRUST
        return bool(line.text.strip()), round(score, 6), line.text

    view, line = max(read, key=rank)
    if not line.text.strip():
        return Reading("", 0.0, 0)
    # Rounded: the last digits of the finder's probabilities may differ between turns.
    confidence = round(line.confidence * view.probability**TRUST, 6)
    warnings = doubts(view.pixels, line.read, view.slant)
    return Reading(
        *(line.text, confidence, view.degrees, view.slant, line.characters, warnings),
        adapter=line.adapter,
        source=line.source.text if line.source else "",
    )
