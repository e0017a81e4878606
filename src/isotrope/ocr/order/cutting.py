"""Cut a line across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import Point, rounded
from isotrope.ocr.order.boxes import level


def cut(line: DetectedLine, xs: Sequence[float], degrees: float) -> list[DetectedLine]:
    """Cut a line across.

    Args:
        line: The line.
        xs: Where, from left to right, where text at `degrees` is level.
        degrees: Turn of the text, counter-clockwise.
    """
    if not xs:
        return [line]
    base, outline = level(line.baseline, degrees), level(line.polygon, degrees)
    ends = [-math.inf, *xs, math.inf]
    parts = [
        replace(
            line,
            baseline=rounded(level(_between(base, left, right), -degrees)),
            polygon=rounded(level(_within(outline, base, left, right), -degrees)),
        )
        for left, right in pairwise(ends)
    ]
    return parts if base[0][0] <= base[-1][0] else parts[::-1]


def _between(base: Sequence[Point], left: float, right: float) -> list[Point]:
    """The part of a polyline from `left` to `right`."""
    found = [base[0]] if left <= base[0][0] <= right else []
    for a, b in pairwise(base):
        crossings = [x for x in (left, right) if min(a[0], b[0]) < x < max(a[0], b[0])]
        for x in sorted(crossings, reverse=a[0] > b[0]):
            found.append((x, a[1] + (x - a[0]) * (b[1] - a[1]) / (b[0] - a[0])))
        if left <= b[0] <= right:
            found.append(b)
    return found


def _within(
    outline: Sequence[Point], base: Sequence[Point], left: float, right: float
) -> list[Point]:
    """The part of a polygon from `left` to `right`; its first point is over the line's start."""
    closed = _between([*outline, outline[0]], left, right)
    found = [p for p, q in pairwise([*closed, closed[0]]) if p != q]
    if found[0] == outline[0]:
        return found
    ahead = 1 if base[0][0] <= base[-1][0] else -1
    start = min(p[0] * ahead for p in found)
    first = min(
        (k for k, p in enumerate(found) if p[0] * ahead - start < 1e-6),
        key=lambda k: found[k][1] * ahead,
    )
    return found[first:] + found[:first]
