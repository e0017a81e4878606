"""Warnings about crops that may have been read wrongly. No torch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image

LONGEST = 100
"""Characters of a line beyond which it is not read reliably."""

STEEP = 30.0
"""Degrees of slant beyond which leveling a line blurs it and lets its neighbors in."""

_ROWS = 64
"""Height of the copy on which ink is counted, row by row."""

_INK = 0.3
"""Contrast of a pixel with the ground, as a share of the greatest, from which on it is ink."""

_EMPTY, _FULL = 0.1, 0.3
"""Ink of an empty row at most, and of a line's row at least, as shares of the fullest row's."""

_GAP, _TWO, _THREE, _EVEN = 4, 28, 14, 0.5
"""The fewest empty rows between two lines, the fewest full rows of two lines together and of three
or more, and the least height of a line as a share of the tallest. Chosen so that fewer than 1 in
100 words and lines of each of nine sets look like several; most pairs of printed lines do, half of
those whose letters differ in size, and few in handwriting."""


def doubts(pixels: np.ndarray, text: str, slant: float = 0.0) -> tuple[str, ...]:
    """Warn about a reading; an ordinary word or line gets no warning.

    Args:
        pixels: The upright crop that was read, (H, W, 3), uint8 RGB.
        text: What was read in it; where that is empty there is nothing to warn of.
        slant: Degrees by which the text was slanted in the image.
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

    Lines are bands of inked rows of similar heights, with nearly empty rows between them. Dots,
    accents and underlines are too thin, and lines that reach into each other count as one.
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
    """Which pixels stand out from the ground, the median gray: (H, W)."""
    seen = np.cumsum(gray.histogram())
    first, ground, last = np.searchsorted(seen, (1, (seen[-1] + 1) // 2, seen[-1]))
    away = np.abs(np.arange(256) - ground)
    return (away > _INK * max(away[first], away[last]))[np.asarray(gray)]


def _bands(busy: np.ndarray) -> list[slice]:
    """Runs of true values; those less than `_GAP` apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
    if not len(edges):
        return []
    cuts = [n for n, (end, start) in enumerate(pairwise(edges)) if n % 2 and start - end >= _GAP]
    starts = [edges[0], *(edges[n + 1] for n in cuts)]
    ends = [*(edges[n] for n in cuts), edges[-1]]
    return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
