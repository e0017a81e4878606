"""How well instances are found: average precision and the aggregated Jaccard index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.5, 0.55, ... 0.95."""


def overlaps(true: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels shared by every true and every found instance, and pixels in their union.

    Args:
        true, found: Labels `(H, W)`, 0 outside; numbers may be missing.

    Returns:
        Two arrays `(n, m)` for `n` true and `m` found instances.
    """
    ours, rows = np.unique(_padded(true), return_inverse=True)
    theirs, columns = np.unique(_padded(found), return_inverse=True)
    shared = np.zeros((len(ours), len(theirs)), np.int64)
    np.add.at(shared, (rows, columns), 1)
    shared[0, 0] -= 1  # the pixel that was added
    sizes, others = shared.sum(1), shared.sum(0)
    union = sizes[1:, None] + others[None, 1:] - shared[1:, 1:]
    return shared[1:, 1:], union


def average_precision(
    true: np.ndarray, found: np.ndarray, thresholds: Sequence[float] = THRESHOLDS
) -> list[float]:
    """`TP / (TP + FP + FN)` at each threshold of the IoU, as the Data Science Bowl 2018 has it.

    A true and a found instance match if their IoU is above the threshold, 0.5 or more: then no
    instance matches two. 1 for an image without instances in which none is found.

    Args:
        true, found: Labels `(H, W)`, 0 outside.
    """
    shared, union = overlaps(true, found)
    n, m = shared.shape
    if not n + m:
        return [1.0] * len(thresholds)
    matches = [int((shared > threshold * union).sum()) for threshold in thresholds]
    return [hits / (n + m - hits) for hits in matches]


def aggregated_jaccard(true: np.ndarray, found: np.ndarray) -> float:
    """The aggregated Jaccard index, Kumar et al. 2017 (10.1109/TMI.2017.2677499), in [0, 1].

    Each true instance is paired with the found one of the highest IoU: the pixels that the pairs
    share, over those in their unions and in the found instances that are in no pair.

    Args:
        true, found: Labels `(H, W)`, 0 outside.
    """
    shared, union = overlaps(true, found)
    if not sum(shared.shape):
        return 1.0
    if not all(shared.shape):
        return 0.0
    best = (shared / union).argmax(1)
    rows = np.arange(len(best))
    met = shared[rows, best] > 0
    sizes = np.unique(true[true > 0], return_counts=True)[1]
    others = np.unique(found[found > 0], return_counts=True)[1]
    unions = union[rows, best][met].sum() + sizes[~met].sum()
    unpaired = np.setdiff1d(np.arange(len(others)), best[met])
    return float(shared[rows, best][met].sum() / (unions + others[unpaired].sum()))


def _padded(labels: np.ndarray) -> np.ndarray:
    """The labels and a 0, so that the outside comes first."""
    return np.append(labels.ravel(), 0)
