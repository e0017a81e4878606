"""Lines that stand together and run along one axis: they are upright or upside down together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import Points, direction
from isotrope.ocr.order.boxes import line_box
from isotrope.ocr.order.directions import directions
from isotrope.ocr.order.linking import linked


def blocks(lines: Sequence[DetectedLine]) -> list[list[int]]:
    """Group the lines of a page into blocks, such as a paragraph, a column or a turned note.

    The lines of a block run along one axis. Which end of a line is its start need not be known.

    Args:
        lines: In any order.

    Returns:
        The indexes of the lines of each block; a line is in one block.
    """
    if not lines:
        return []
    order = sorted(range(len(lines)), key=lambda i: (lines[i].polygon, lines[i].baseline))
    lengths = [length(lines[i].baseline) for i in order]
    groups = directions(
        [direction(lines[i].baseline) for i in order],
        lengths,
        [far < 2 * lines[i].height for far, i in zip(lengths, order, strict=True)],
        period=180,
    )
    found = []
    for angle, members in groups:
        boxes = [
            line_box(order[k], lines[order[k]].polygon, lines[order[k]].baseline, angle)
            for k in members
        ]
        found += [[box.index for box in group] for group in linked(boxes)]
    return found


def length(points: Points) -> float:
    """The length of a polyline, px."""
    return sum(math.dist(a, b) for a, b in itertools.pairwise(points))
