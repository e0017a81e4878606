"""What the reader returns for one image."""

from __future__ import annotations

from dataclasses import dataclass

TURNS = (0, 90, 180, 270)
"""The turns at which an image can lie, in degrees counter-clockwise."""


@dataclass(frozen=True)
class Reading:
    """The text of one image.

    Args:
        text: What the image says; empty where no text was found, or none that is sure enough.
        confidence: How sure the reader is of it, in [0, 1]. With the engine `isotrope` it is the
            probability that all of the text is right; other engines have measures of their own.
        orientation: How far the text is turned from upright, in degrees counter-clockwise:
            0, 90, 180 or 270. At 90 the text runs upwards.
        slant: How far the text is turned beyond `orientation`, in degrees counter-clockwise within
            +-45. 0 where the reader does not measure it.
        characters: The confidence of each character of `text`, with the engine `isotrope` the
            probability that it is right; empty where the engine does not say.
        warnings: Why the text may be wrong though it is sure: several lines in one crop, a line
            that is very long or steep. Empty as a rule.
    """

    text: str
    confidence: float
    orientation: int
    slant: float = 0.0
    characters: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
