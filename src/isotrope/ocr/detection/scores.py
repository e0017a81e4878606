"""How many lines were found: matching of outlines. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely


@dataclass(frozen=True)
class LineScore:
    """Numbers of lines.

    Args:
        hits: Lines that were found.
        found: Lines that the detector gave.
        true: Lines that there are.
    """

    hits: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: LineScore) -> LineScore:
        return LineScore(self.hits + other.hits, self.found + other.found, self.true + other.true)

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall, in [0, 1]; 1 if there is nothing to find."""
        both = self.found + self.true
        return 2 * self.hits / both if both else 1.0


def score_lines(
    found: Sequence[np.ndarray], true: Sequence[np.ndarray], least: float = 0.5
) -> LineScore:
    """Match outlines one to one, those that overlap most first.

    Args:
        found: Polygons `(N, 2)` of the lines that a detector gave.
        true: Polygons of the lines that there are.
        least: A pair needs this intersection over union.
    """
    first, second = (_polygons(lines) for lines in (found, true))
    one, other = shapely.STRtree(second).query(first, predicate="intersects")
    shared = shapely.area(shapely.intersection(first[one], second[other]))
    union = shapely.area(first[one]) + shapely.area(second[other]) - shared
    overlap = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    seen: set[int] = set()
    matched: set[int] = set()
    for pair in np.argsort(-overlap, kind="stable"):
        if overlap[pair] < least:
            break
        if one[pair] not in seen and other[pair] not in matched:
            seen.add(one[pair])
            matched.add(other[pair])
    return LineScore(len(seen), len(found), len(true))


def _polygons(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Outlines as valid shapes; `buffer(0)` mends those that cross themselves."""
    shapes = np.empty(len(lines), dtype=object)
    shapes[:] = [shapely.Polygon(line).buffer(0) for line in lines]
    return shapes
