"""`OrbitFinder`: finds which way up an image is by reading it at all four turns. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isotrope.io.resize import turn
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.reading import TURNS

_SHARPNESS = 8
"""Exponent that turns typical confidences into probabilities."""


class OrbitFinder:
    """Use any engine as a finder: the turn with the most confident text is upright.

    `p(g) = c(g)^8 / sum_h c(h)^8`, where `c(g)` is the `typical` confidence of the image turned
    back by g, and 0 if there is no text. The four images are the same set whichever way up the
    image is, so a turn permutes the probabilities exactly. It takes four readings and does not
    measure slant.

    Args:
        engine: Reads upright lines.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def find_pixels(self, images: Sequence[np.ndarray], batch_size: int = 32) -> list[Orientation]:
        """Find the orientation of each image.

        Args:
            images: (H, W, 3) each, uint8 RGB.
            batch_size: As in `Engine.read`.
        """
        turned = [turn(image, -degrees) for image in images for degrees in TURNS]
        lines = self.engine.read(turned, batch_size)
        return [_orientation(lines[i : i + 4]) for i in range(0, len(lines), 4)]


def _orientation(lines: Sequence[Transcript]) -> Orientation:
    """Compute the orientation from the texts at the four turns."""
    weights = [line.typical**_SHARPNESS if line.text.strip() else 0.0 for line in lines]
    # Sorted: a sum of floats depends on the order, which a turn changes.
    total = sum(sorted(weights))
    up, left, down, right = (weight / total if total else 0.25 for weight in weights)
    scores = (up, left, down, right)
    best = max(range(4), key=scores.__getitem__)
    return Orientation(TURNS[best], scores[best], 0.0, scores)
