"""Score pages: words whatever their order, text in reading order, lines by overlap."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein
from shapely import Polygon, STRtree, get_parts, intersection, make_valid, union_all
from shapely import area as area_of

LEAST_OVERLAP = 0.5
"""Intersection over union from which two outlines are of the same line."""


@dataclass(frozen=True)
class Counts:
    """What was found, what was asked for, and how much of it agrees."""

    right: int
    found: int
    asked: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.found + other.found, self.asked + other.asked)

    @property
    def f1(self) -> float:
        """`2 right / (found + asked)`; 1 if there was nothing to find and nothing was found."""
        total = self.found + self.asked
        return 2 * self.right / total if total else 1.0


def word_counts(read: str, truth: str) -> Counts:
    """Count the words, in lower case and whatever their order, that are in both texts."""
    ours, theirs = Counter(_words(read)), Counter(_words(truth))
    return Counts((ours & theirs).total(), ours.total(), theirs.total())


def line_counts(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> Counts:
    """Pair outlines `(n, 2)` one to one, the largest overlap first, and count the pairs."""
    ours, theirs = [_area(p) for p in found], [_area(p) for p in truth]
    pairs = []
    if ours and theirs:
        near = STRtree(theirs).query(ours)
        for i, j in near.T.tolist():
            common = area_of(intersection(ours[i], theirs[j]))
            overlap = common / max(area_of(ours[i]) + area_of(theirs[j]) - common, 1e-9)
            if overlap >= LEAST_OVERLAP:
                pairs.append((-overlap, i, j))
    left, right = set(), set()
    for _, i, j in sorted(pairs):
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return Counts(len(left), len(ours), len(theirs))


def edits(read: str, truth: str) -> tuple[int, int]:
    """Edits from the text read to the true one, both on one line, and characters of the latter."""
    ours, theirs = (" ".join(_composed(text).split()) for text in (read, truth))
    return Levenshtein.distance(ours, theirs), len(theirs)


def _words(text: str) -> list[str]:
    return _composed(text).lower().split()


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _area(points: np.ndarray) -> Polygon:
    """The area within an outline, which may cross itself."""
    outline = Polygon(points)
    if outline.is_valid:
        return outline
    parts = [part for part in get_parts(make_valid(outline)) if part.area > 0]
    return union_all(parts)
