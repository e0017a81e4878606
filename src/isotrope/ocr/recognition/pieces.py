"""Cut long lines into pieces at blank columns. No torch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def pieces(line: np.ndarray, height: int, widest: int) -> Iterator[np.ndarray]:
    """Cut an upright line `(H, W, 3)` uint8 into pieces of at most `widest` px at `height` px.

    Each cut lies in the last quarter of what fits, in the middle of the longest run of columns that
    vary least from top to bottom, usually a space.
    """
    rows, columns = line.shape[:2]
    most = max(rows, widest * rows // height)
    start = 0
    while columns - start > most:
        low = start + 3 * most // 4
        busy = np.ptp(line[:, low : start + most].astype(np.int16), axis=0).max(axis=1)
        blank = busy <= busy.min() + 8
        cut = low + _middle_of_longest(blank)
        yield line[:, start:cut]
        start = cut
    yield line[:, start:]


def _middle_of_longest(flags: np.ndarray) -> int:
    """Find the middle of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return int(starts[longest] + ends[longest]) // 2
