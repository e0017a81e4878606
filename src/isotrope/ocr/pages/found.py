"""Find the lines of an upright page, also slanted and sideways ones. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from isotrope.ocr.detection.lines import DetectedLine, Detector
from isotrope.ocr.geometry import box, direction, turned
from isotrope.ocr.pages.level import Leveled, moved

SLANTED = 2.0
"""Slant of a page, in degrees, from which its lines are found again on the leveled page."""

STEEP = 5.0
"""Slant that the finder says, in degrees, from which a page is leveled at once."""

LONG = 1.5
"""Length of a line, in heights, from which its direction is taken to be known."""

SAME = 0.5
"""Share of the smaller of two lines that both cover, from which they are taken for one."""


def find_lines(page: np.ndarray, detector: Detector, slant: float = 0.0) -> list[DetectedLine]:
    """Find the lines of an upright page.

    Args:
        page: (H, W, 3), uint8 RGB.
        detector: Finds lines.
        slant: Turn of the page, in degrees counter-clockwise, as far as known.

    Returns:
        The lines, in any order, in pixels of the page. Each is longer than high as it runs.
    """
    if getattr(detector, "equivariant", False):
        return detector.find(page)
    leveled = Leveled.of(page, round(slant, 1)) if abs(slant) >= STEEP else None
    image = page if leveled is None else leveled.pixels
    lines = detector.find(image)
    off = page_slant(lines)
    if abs(off) >= SLANTED:
        leveled = Leveled.of(page, round((leveled.slant if leveled else 0.0) + off, 2))
        image = leveled.pixels
        lines = detector.find(image)
    lines = _with_sideways(image, lines, detector)
    return lines if leveled is None else moved(lines, leveled.back)


def page_slant(lines: Sequence[DetectedLine]) -> float:
    """The turn of a page beyond quarter turns: the median over its lines, by their lengths."""
    entries = sorted(
        ((direction(line.baseline) + 45) % 90 - 45, _length(line))
        for line in lines
        if _length(line) > 2 * LONG * line.height
    )
    if not entries:
        return 0.0
    angles, lengths = zip(*entries, strict=True)
    passed = np.cumsum(lengths)
    return float(angles[int(np.searchsorted(passed, passed[-1] / 2))])


def _with_sideways(
    page: np.ndarray, lines: list[DetectedLine], detector: Detector
) -> list[DetectedLine]:
    """Where lines run up or down, find them again with that part of the page turned by 90."""
    upright = [line for line in lines if not _is_sideways(line)]
    sideways = [line for line in lines if _is_sideways(line)]
    if not sideways:
        return lines
    left, top, right, bottom = _around(sideways, page.shape)
    part = page[top:bottom, left:right]
    size = (part.shape[0], part.shape[1])  # of the turned part: its width and height

    def back(points):
        return tuple((x + left, y + top) for x, y in turned(points, 90, size))

    again = [line for line in detector.find(np.rot90(part, -1)) if not _is_sideways(line)]
    return _merged(upright, moved(again, back), sideways)


def _merged(
    upright: list[DetectedLine], again: list[DetectedLine], sideways: list[DetectedLine]
) -> list[DetectedLine]:
    """The longer, surer of lines that cover the same place."""
    ranked = sorted(
        (*((line, 0) for line in upright), *((line, 1) for line in again)),
        key=lambda entry: (-_rank(entry[0]), entry[1], entry[0].polygon),
    )
    kept: list[DetectedLine] = []
    for line, _ in [*ranked, *((line, 2) for line in sideways)]:
        if all(_shared(line, other) < SAME for other in kept):
            kept.append(line)
    return kept


def _rank(line: DetectedLine) -> float:
    return line.confidence * min(8.0, _length(line) / max(line.height, 1e-6))


def _shared(a: DetectedLine, b: DetectedLine) -> float:
    """The area that both boxes cover, as a share of the smaller one."""
    first, second = box(a.polygon), box(b.polygon)
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if min(width, height) <= 0:
        return 0.0
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (first, second)]
    return width * height / max(min(areas), 1e-6)


def _around(lines: Sequence[DetectedLine], shape: Sequence[int]) -> tuple[int, int, int, int]:
    """The box around lines with a margin of two heights, within the page."""
    margin = 2 * max(line.height for line in lines)
    left, top, right, bottom = box([point for line in lines for point in line.polygon])
    return (
        max(0, math.floor(left - margin)),
        max(0, math.floor(top - margin)),
        min(shape[1], math.ceil(right + margin)),
        min(shape[0], math.ceil(bottom + margin)),
    )


def _is_sideways(line: DetectedLine) -> bool:
    (x0, y0), (x1, y1) = line.baseline[0], line.baseline[-1]
    return abs(y1 - y0) > abs(x1 - x0) and _length(line) > LONG * line.height


def _length(line: DetectedLine) -> float:
    return math.dist(line.baseline[0], line.baseline[-1])
