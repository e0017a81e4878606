"""The reader's result for one image."""

from __future__ import annotations

from dataclasses import dataclass

TURNS = (0, 90, 180, 270)
"""The possible turns of an image, in degrees counter-clockwise."""


@dataclass(frozen=True)
class Reading:
    """The text of one image.

    Args:
        text: The text; empty if none was found, or none with enough confidence.
        confidence: Confidence in the text, in [0, 1]. With the engine `isotrope`, the probability
            that the whole text is right; other engines have their own measures.
        orientation: Turn of the text from upright, in degrees counter-clockwise: 0, 90, 180 or 270.
            At 90 the text runs upwards.
        slant: Turn of the text beyond `orientation`, in degrees counter-clockwise within +-45; 0 if
            the reader does not measure it.
        characters: Confidence of each character of `text`. With the engine `isotrope`, the
            probability that it is right; empty if the engine gives none.
        warnings: Reasons why the text may be wrong despite high confidence: several lines in one
            crop, or a very long or steep line. Usually empty.
        adapter: The name of the adapter it was read with. None: none, or there is no text.
        source: What was read, where `text` is a translation of it; else empty.
    """

    text: str
    confidence: float
    orientation: int
    slant: float = 0.0
    characters: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    adapter: str | None = None
    source: str = ""
