"""Lines that lie slanted or loosely in their images: level and trim them, and read them again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from isotrope.ocr.engines.adapted import read_mixed
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.rectify import rectified
from isotrope.ocr.skew import LONG, drift, skew

LEAST_SKEW, DRIFT = 0.5, 0.2
"""Skew in degrees, and rise or fall of a line in heights, from which it is leveled."""

LOOSE = 0.8
"""Share of an image's height up to which a line is cut out of it."""

SURE = 0.97
"""Typical confidence from which a line is read only once."""

_INK, _SPECK = 0.35, 0.003
"""Share of the strongest contrast from which a pixel is ink, and share of a row's pixels up to
which ink is a speck."""

_MARGIN = 0.05
"""Margin above and below the ink, in heights of the line."""


def tidied(pixels: np.ndarray) -> np.ndarray | None:
    """Level a long upright line, and cut off what is blank above and below it.

    A recognizer scales a line to its own height. The letters of a slanted or loosely cut line are
    small there, and there are fewer columns for each.

    Args:
        pixels: (H, W, 3), uint8.

    Returns:
        (H', W', 3), uint8, C-contiguous; None if the line is short, or already tidy.
    """
    rows, columns = pixels.shape[:2]
    if columns <= LONG * rows:
        return None
    slant = skew(pixels)
    slanted = abs(slant) > LEAST_SKEW and drift(pixels, slant) > DRIFT
    level = rectified(pixels, slant) if slanted else pixels
    tight = level[_inked(level)]
    if len(tight) < LOOSE * len(level):
        return np.ascontiguousarray(tight)
    return level if slanted else None


def read_tidied(
    engines: Sequence[Engine], lines: Sequence[np.ndarray], batch_size: int = 32
) -> list[Transcript]:
    """Read upright lines, uncertain ones also tidied; of two texts the more confident is kept.

    Args:
        engines: One for each line.
        lines, batch_size: As in `Engine.read`.
    """
    read = read_mixed(engines, lines, batch_size)
    again = [
        (place, tidy)
        for place, once in enumerate(read)
        if once.typical < SURE and (tidy := tidied(lines[place])) is not None
    ]
    by = [engines[place] for place, _ in again]
    twice = read_mixed(by, [pixels for _, pixels in again], batch_size)
    for (place, _), second in zip(again, twice, strict=True):
        if second.typical > read[place].typical:
            read[place] = second
    return read


def _inked(pixels: np.ndarray) -> slice:
    """The rows with ink and a margin; all if there are none."""
    gray = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    away = np.abs(gray - np.median(gray))
    ink = away > _INK * max(1.0, np.quantile(away, 0.995))  # not the maximum, which may be noise
    places = np.flatnonzero(ink.mean(axis=1) > _SPECK)
    if not len(places):
        return slice(None)
    top, bottom = int(places[0]), int(places[-1]) + 1
    margin = round(_MARGIN * (bottom - top))
    return slice(max(0, top - margin), bottom + margin)
