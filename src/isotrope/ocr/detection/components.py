"""Connected components of a mask. No torch."""

from __future__ import annotations

import numpy as np


def components(mask: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Find the connected components of a mask.

    Runs of each row are joined with the runs they touch in the next row.

    Args:
        mask: (H, W), bool.

    Returns:
        The rows and columns of the pixels of each component, whose pixels share sides.
    """
    width = mask.shape[1] + 1  # a column of False at the end keeps rows apart
    flat = np.zeros(mask.shape[0] * width + 1, np.int8)
    flat[1:].reshape(mask.shape[0], width)[:, :-1] = mask
    edges = np.flatnonzero(np.diff(flat))
    starts, ends = edges[::2], edges[1::2]
    label = joined(len(starts), *_touching(starts, ends, width))
    order = np.argsort(label, kind="stable")
    starts, lengths = starts[order], (ends - starts)[order]
    before = np.cumsum(lengths) - lengths
    pixels = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
    borders = before[1:][np.diff(label[order]) > 0]
    rows, columns = np.divmod(pixels, width)
    if not len(pixels):
        return []
    return list(zip(np.split(rows, borders), np.split(columns, borders), strict=True))


def _touching(starts: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs that touch: one and another in the next row."""
    first = np.searchsorted(ends, starts + width, "right")
    counts = np.maximum(np.searchsorted(starts, ends + width, "left") - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
    return upper, lower


def joined(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Label `count` things, some pairs of which belong together, by the least number in a group."""
    label = np.arange(count)
    while True:
        low, high = np.minimum(label[one], label[other]), np.maximum(label[one], label[other])
        if np.array_equal(low, high):
            return label
        np.minimum.at(label, high, low)
        while not np.array_equal(label, label[label]):
            label = label[label]
