"""What the reader returns for one image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """The text of one image.

    Args:
        text: What the image says.
        confidence: How sure the reader is of it, in [0, 1].
        orientation: How far the text is turned from upright, in degrees counter-clockwise:
            0, 90, 180 or 270. At 90 the text runs upwards.
    """

    text: str
    confidence: float
    orientation: int
