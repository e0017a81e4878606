"""Warnings about crops that may have been read wrongly. No torch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image

LONGEST = 100
"""Number of characters above which a line is not read reliably."""

STEEP = 30.0
"""Slant in degrees above which leveling a line blurs it and includes neighboring lines."""

_ROWS = 64
"""Height of the copy on which ink is counted row by row, px."""

_INK = 0.3
"""Contrast with the background from which a pixel is ink, as a fraction of the maximum."""

_EMPTY, _FULL = 0.1, 0.3
"""Most ink in an empty row, and least in a row of a line, as fractions of the fullest row."""

_GAP, _TWO, _THREE, _EVEN = 4, 28, 14, 0.5
"""Minimum number of empty rows between two lines, minimum number of full rows of two lines together
and of three or more, and minimum height of a line as a fraction of the tallest. Chosen so that
fewer than 1 in 100 words and lines of each of nine sets look like several lines. Most pairs of
printed lines are detected, half of those with different letter sizes, and few in handwriting."""


def doubts(pixels: np.ndarray, text: str, slant: float = 0.0) -> tuple[str, ...]:
    """Warn about a reading; an ordinary word or line gets no warning.

    Args:
        pixels: The upright crop that was read, (H, W, 3), uint8 RGB.
        text: The text read in it; an empty text gets no warning.
        slant: Slant of the text in the image, in degrees.
    """
    found = []
    if text and (lines := count_lines(pixels)) > 1:
        found.append(f"looks like {lines} lines of text; give one line at a time")
    if len(text) > LONGEST:
        found.append(f"{len(text)} characters are too many for one line; cut it in two")
    if text and abs(slant) > STEEP:
        found.append(f"slanted by {slant:.0f} degrees; level the image first")
    return tuple(found)


def count_lines(pixels: np.ndarray) -> int:
    """Count the lines of text stacked in an upright crop (H, W, 3); 1 when in doubt.

    Lines are bands of inked rows with similar heights, separated by nearly empty rows. Dots,
    accents and underlines are too thin to count, and overlapping lines count as one.
    """
    rows, columns = pixels.shape[:2]
    if rows < _ROWS // 4:
        return 1
    width = max(1, min(columns, round(columns * _ROWS / rows), 16 * _ROWS))
    small = Image.fromarray(pixels).convert("L").resize((width, _ROWS), Image.Resampling.BILINEAR)
    ink = _inked(small).mean(axis=1)
    share = ink / max(float(ink.max()), 1e-6)
    heights = [int((share[band] >= _FULL).sum()) for band in _bands(share > _EMPTY)]
    lines = [height for height in heights if height >= _EVEN * max(heights)]
    least = _TWO if len(lines) == 2 else _THREE
    return len(lines) if len(lines) > 1 and sum(lines) >= least else 1


def _inked(gray: Image.Image) -> np.ndarray:
    """Which pixels stand out from the background (the median gray): (H, W)."""
    seen = np.cumsum(gray.histogram())
    first, ground, last = np.searchsorted(seen, (1, (seen[-1] + 1) // 2, seen[-1]))
    away = np.abs(np.arange(256) - ground)
    return (away > _INK * max(away[first], away[last]))[np.asarray(gray)]


def _bands(busy: np.ndarray) -> list[slice]:
    """Find runs of true values, merging those less than `_GAP` apart."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
    if not len(edges):
        return []
    cuts = [n for n, (end, start) in enumerate(pairwise(edges)) if n % 2 and start - end >= _GAP]
    starts = [edges[0], *(edges[n + 1] for n in cuts)]
    ends = [*(edges[n] for n in cuts), edges[-1]]
    return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
