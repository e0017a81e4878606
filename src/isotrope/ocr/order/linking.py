"""Lines that stand together: one under the other, or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from isotrope.ocr.order.boxes import Box
from isotrope.ocr.order.rows import overlap

_BELOW = 2.2
"""Lines one under the other stand together if their middles are within so many heights."""

_BESIDE = 2.0
"""Lines side by side do if the gap between them is at most so many heights."""

_SIZES = 2.0
"""Their heights differ at most by this factor."""


def linked(boxes: Sequence[Box]) -> list[list[Box]]:
    """Group boxes that stand together, each group and all groups from top to bottom."""
    order = sorted(boxes, key=lambda b: (b.middle, b.left))
    parent = list(range(len(order)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    tallest = max((b.height for b in order), default=0.0)
    for i, a in enumerate(order):
        for j in range(i + 1, len(order)):
            b = order[j]
            if b.middle - a.middle > _BELOW * tallest + (b.bottom - b.top) + (a.bottom - a.top):
                break
            if _together(a, b):
                parent[max(root(i), root(j))] = min(root(i), root(j))
    groups: dict[int, list[Box]] = {}
    for i, box in enumerate(order):
        groups.setdefault(root(i), []).append(box)
    return list(groups.values())


def _together(a: Box, b: Box) -> bool:
    small, large = sorted((a.height, b.height))
    if large > _SIZES * small:
        return False
    x = (min(a.right, b.right) + max(a.left, b.left)) / 2
    down = abs(a.at(x) - b.at(x))
    shared = overlap(a, b)
    if shared > 0.3 * min(a.width, b.width):
        return down <= _BELOW * (a.height + b.height) / 2
    return shared > -_BESIDE * large and down <= 0.5 * small
