"""From a map of probabilities to lines. No torch."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from isotrope.ocr.detection.components import components
from isotrope.ocr.detection.cores import Core, Pixels, trace
from isotrope.ocr.detection.joining import cut_columns, groups
from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.detection.outline import outlined
from isotrope.ocr.detection.pieces import Piece, axes, cut

THRESHOLD = 0.3
"""Probability from which a pixel belongs to a core."""

SURE = 0.65
"""Least mean probability of a core."""

BLOCK = 32
"""Side of the blocks in which the color of the paper is measured, px of the map."""

SMALLEST = 12
"""Least number of pixels of a core."""

FIRM, SHARE = 0.6, 0.12
"""Probability at which lines that touch may be apart, and the least share of pixels of one."""

LOWEST = 5.0
"""Least height of a line, px of the map."""


def find_lines(
    probability: np.ndarray, size: tuple[int, int], gray: np.ndarray | None = None
) -> list[DetectedLine]:
    """Find the lines on a map.

    Args:
        probability: Of text at each pixel, `(h, w)`.
        size: Width and height of the page, px.
        gray: The page at the size of the map, `(h, w)` uint8. It shows where columns that grew
            together on the map are apart.
    """
    return [outlined(core) for core in find_cores(probability, size, gray)]


def find_cores(
    probability: np.ndarray, size: tuple[int, int], gray: np.ndarray | None = None
) -> list[Core]:
    """Like `find_lines`, but their cores."""
    h, w = probability.shape
    scale = np.array([size[0] / w, size[1] / h])
    contrast = np.ones_like(probability) if gray is None else contrast_with_paper(gray)
    parts = []
    for rows, columns in components(probability > THRESHOLD):
        if len(rows) < SMALLEST or probability[rows, columns].mean() < SURE:
            continue
        for some_rows, some_columns in _unstacked(rows, columns, probability):
            points = np.stack([some_columns + 0.5, some_rows + 0.5], 1) * scale
            weights = probability[some_rows, some_columns].astype(np.float64)
            ink = contrast[some_rows, some_columns]
            parts += cut(Pixels(points, weights, ink, float(scale.prod())))
    parts = [part for part in parts if len(part.weights) >= SMALLEST]
    if not parts:
        return []
    pieces = [Piece.of(part, axis) for part, axis in zip(parts, axes(parts), strict=True)]
    pieces = cut_columns(pieces)
    lines = []
    for group in groups(pieces):
        if len(group) == 1:
            lines.append(pieces[group[0]].core)
            continue
        whole = Pixels.union([pieces[number].pixels for number in group])
        lines.append(trace(whole, axes([whole])[0]))
    lowest = LOWEST * math.sqrt(scale.prod())
    return [core for core in lines if core.height >= lowest]


def _unstacked(
    rows: np.ndarray, columns: np.ndarray, probability: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Take lines apart that touch the next line: what is firm of each, if that is apart."""
    whole = [(rows, columns)]
    top, left = rows.min(), columns.min()
    mask = np.zeros((np.ptp(rows) + 1, np.ptp(columns) + 1), bool)
    mask[rows - top, columns - left] = probability[rows, columns] > FIRM
    if mask.sum() == len(rows):
        return whole
    firm = [part for part in components(mask) if len(part[0]) > SHARE * len(rows)]
    if len(firm) < 2:
        return whole
    lying = mask.shape[1] >= mask.shape[0]
    places = [part[1] if lying else part[0] for part in firm]
    ends = sorted((int(place.min()), int(place.max())) for place in places)
    shared = [
        min(last, other_last) - other_first > 0.5 * min(last - first, other_last - other_first)
        for (first, last), (other_first, other_last) in pairwise(ends)
    ]
    return [(r + top, c + left) for r, c in firm] if any(shared) else whole


def contrast_with_paper(gray: np.ndarray) -> np.ndarray:
    """How far each pixel of `(h, w)` uint8 is from the gray of most pixels around it: float32."""
    h, w = gray.shape
    whole = np.pad(gray, ((0, -h % BLOCK), (0, -w % BLOCK)), "edge").astype(np.float32)
    blocks = whole.reshape(whole.shape[0] // BLOCK, BLOCK, -1, BLOCK)
    blocks -= np.median(blocks[:, ::2, :, ::2], axis=(1, 3))[:, None, :, None]
    return np.abs(whole)[:h, :w]
