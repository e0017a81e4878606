"""The likeliest text of the views of an image. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.ocr.doubts import doubts
from isotrope.ocr.engines import Line
from isotrope.ocr.reading import Reading
from isotrope.ocr.views import View

TRUST = 0.25
"""The power of the finder's probability that a text's confidence is multiplied by. Much of the
finder's doubt is gone once a text makes sense, so it is less than 1; chosen on validation text."""


def likeliest(read: Sequence[tuple[View, Line]]) -> Reading:
    """The best of what was read of an image; texts decide between equal ones.

    Its confidence is the line's, and less where the finder is unsure that the line stands upright.
    """

    def rank(entry: tuple[View, Line]) -> tuple[bool, float, str]:
        view, line = entry
        score = line.typical * view.probability**TRUST
        return bool(line.text.strip()), round(score, 6), line.text

    view, line = max(read, key=rank)
    if not line.text.strip():
        return Reading("", 0.0, 0)
    # Rounded: the finder's probabilities may differ between the turns in their last digits.
    confidence = round(line.confidence * view.probability**TRUST, 6)
    warnings = doubts(view.pixels, line.text, view.slant)
    return Reading(line.text, confidence, view.degrees, view.slant, line.characters, warnings)
