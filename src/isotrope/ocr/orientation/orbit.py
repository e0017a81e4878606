"""`OrbitFinder`: which way up an image lies, by reading it at all four turns. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isotrope.io.resize import turn
from isotrope.ocr.engines.base import Engine, Line
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.reading import TURNS

_SHARPNESS = 8
"""The power of the typical confidences that makes probabilities of them."""


class OrbitFinder:
    """Any engine as a finder: the turn whose text is the most confident is upright.

    `p(g) = c(g)^8 / sum_h c(h)^8`, where `c(g)` is the `typical` confidence of the image turned
    back by g, and 0 where there is no text. The orbit of an image is the same set of four images
    whichever way it lies, so a turn permutes the probabilities exactly. It costs four readings, and
    measures no slant.

    Args:
        engine: Reads upright lines.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def find_pixels(self, images: Sequence[np.ndarray], batch_size: int = 32) -> list[Orientation]:
        """How each of some images lies.

        Args:
            images: (H, W, 3) each, uint8 RGB.
            batch_size: As in `Engine.read`.
        """
        turned = [turn(image, -degrees) for image in images for degrees in TURNS]
        lines = self.engine.read(turned, batch_size)
        return [_orientation(lines[i : i + 4]) for i in range(0, len(lines), 4)]


def _orientation(lines: Sequence[Line]) -> Orientation:
    """What the texts at the four turns say."""
    weights = [line.typical**_SHARPNESS if line.text.strip() else 0.0 for line in lines]
    # Sorted: a sum of floats depends on their order, which a turn changes.
    total = sum(sorted(weights))
    up, left, down, right = (weight / total if total else 0.25 for weight in weights)
    scores = (up, left, down, right)
    best = max(range(4), key=scores.__getitem__)
    return Orientation(TURNS[best], scores[best], 0.0, scores)
