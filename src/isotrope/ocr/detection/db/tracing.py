"""From a map of probabilities to lines. No torch."""

from __future__ import annotations

import numpy as np

from isotrope.ocr.detection.components import components
from isotrope.ocr.detection.cores import Core, principal, trace
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.detection.outline import outlined

THRESHOLD = 0.3
"""Probability from which a pixel belongs to a core."""

SURE = 0.5
"""Least mean probability of a core."""

SMALLEST = 12
"""Least number of pixels of a core."""

ELONGATED = 2.5
"""Ratio of length to thickness from which a core shows its direction; others are level."""


def find_lines(probability: np.ndarray, size: tuple[int, int]) -> list[DetectedLine]:
    """Find the lines on a map.

    Args:
        probability: Of text at each pixel, `(h, w)`.
        size: Width and height of the page, px.
    """
    return [outlined(core) for core in find_cores(probability, size)]


def find_cores(probability: np.ndarray, size: tuple[int, int]) -> list[Core]:
    """Like `find_lines`, but their cores."""
    h, w = probability.shape
    scale = np.array([size[0] / w, size[1] / h])
    cores = []
    for rows, columns in components(probability > THRESHOLD):
        weights = probability[rows, columns].astype(np.float64)
        if len(rows) < SMALLEST or weights.mean() < SURE:
            continue
        points = np.stack([columns + 0.5, rows + 0.5], 1) * scale
        _, ratio = principal(points, weights)
        cores.append(
            trace(points, weights, float(scale.prod()), None if ratio > ELONGATED else 0.0)
        )
    return cores
