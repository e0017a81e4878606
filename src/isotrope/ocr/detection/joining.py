"""Cut pieces between columns, and join those of one line. No torch.

Whether a gap is between words or between columns depends on the lines above and below: they run on,
or they have a gap there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from isotrope.ocr.detection.components import joined
from isotrope.ocr.detection.pieces import Piece

NARROW, USUAL, WIDE = 0.5, 1.0, 3.0
"""Widest gaps that are joined, in heights of the line: if more lines above and below are aligned
with the gap than run on across it, if as many, and if fewer."""

LEVEL = 0.3
"""Farthest that one piece may be above the other, in heights."""

ALIKE = 2.0
"""Largest ratio of the heights of two pieces."""

PARALLEL = 0.25
"""Largest sine of the angle between two pieces."""

REACH = 5.0
"""Distance of the lines that are looked at above and below, in heights."""

ALIGNED = 0.6
"""Farthest that the ends of two lines are from each other if they are aligned, in heights."""

OPEN = 0.7
"""Share of a gap that another line must leave open."""

CERTAIN, LARGER = 3, 3
"""How many lines leave a gap between columns open, at least, and how many for one that does not."""

MARGIN = 0.5
"""How far the text goes on beyond its core at both sides of a gap, in heights."""

BESIDE = 6.0
"""Farthest from a gap that a line of a column may end or start, in heights."""

_AT_ONCE = 256
"""Number of gaps that are looked at together."""


def cut_columns(pieces: Sequence[Piece]) -> list[Piece]:
    """Cut pieces at gaps that the lines above and below have too."""
    table, found = Table.of(pieces), []
    between = np.zeros(len(table.blanks), bool)
    for first in range(0, len(between), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        own = table.owners[some, None] == np.arange(len(pieces))
        heights = table.heights[table.owners[some]]
        columns, _, closed = table.votes(table.blanks[some], heights, own)
        between[some] = (columns >= CERTAIN) & (columns > LARGER * closed)
    for number, piece in enumerate(pieces):
        found += piece.split(between[table.owners == number])
    return found


def groups(pieces: Sequence[Piece]) -> list[list[int]]:
    """Group pieces by line: their numbers."""
    table = Table.of(pieces)
    nearest: dict[int, tuple[float, int]] = {}
    for number in range(len(pieces)):
        if (after := table.after(number)) is not None:
            gap, other = after
            nearest[other] = min(nearest.get(other, (gap, number)), (gap, number))
    before = np.array([number for _, number in nearest.values()], int)
    label = joined(len(pieces), before, np.array(list(nearest), int))
    return [np.flatnonzero(label == one).tolist() for one in np.unique(label)]


@dataclass(frozen=True)
class Table:
    """Columns of numbers of all pieces, and of their gaps with their owners.

    Directions are those of the whole piece, at its head and at its tail.
    """

    starts: np.ndarray
    ends: np.ndarray
    along: np.ndarray
    heads: np.ndarray
    tails: np.ndarray
    heights: np.ndarray
    blanks: np.ndarray
    owners: np.ndarray

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> Table:
        """List the numbers of pieces."""
        cores = [piece.core for piece in pieces]
        starts = np.array([core.middle[0] for core in cores])
        ends = np.array([core.middle[-1] for core in cores])
        heads = np.array([core.middle[2] - core.middle[0] for core in cores])
        tails = np.array([core.middle[-1] - core.middle[-3] for core in cores])
        heights = np.array([core.height for core in cores])
        counts = [len(piece.blanks) for piece in pieces]
        blanks = np.concatenate([piece.blanks for piece in pieces])
        along, heads, tails = (
            vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            for vectors in (ends - starts, heads, tails)
        )
        owners = np.repeat(np.arange(len(cores)), counts)
        return cls(starts, ends, along, heads, tails, heights, blanks, owners)

    def votes(
        self, gaps: np.ndarray, heights: np.ndarray, own: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Count the lines above and below gaps: in columns beside it, aligned with it, across it.

        Args:
            gaps: Their starts and ends, `(k, 2, 2)`.
            heights: The heights of their lines, `(k,)`.
            own: Which pieces do not count, `(k, n)`.
        """
        width = np.linalg.norm(gaps[:, 1] - gaps[:, 0], axis=1)[:, None]
        along = (gaps[:, 1] - gaps[:, 0]) / np.maximum(width, 1e-9)
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        height = heights[:, None]

        def measured(points: np.ndarray, axis: np.ndarray) -> np.ndarray:
            return axis @ points.T - np.sum(axis * gaps[:, 0], axis=1, keepdims=True)

        s0, s1 = measured(self.starts, along), measured(self.ends, along)
        n0, n1 = measured(self.starts, normal), measured(self.ends, normal)
        there = np.clip((width / 2 - s0) / np.maximum(s1 - s0, 1e-9), 0, 1)
        distance = np.abs(n0 + (n1 - n0) * there)
        beside = (distance > 0.5 * height) & (distance < REACH * height) & ~own
        beside &= along @ self.along.T > 1 - PARALLEL**2
        spanning = beside & (s0 < 0) & (s1 > width)
        b0, b1 = measured(self.blanks[:, 0], along), measured(self.blanks[:, 1], along)
        gap, blank = np.nonzero(np.minimum(b1, width) - np.maximum(b0, 0) > OPEN * width)
        opened = np.zeros_like(beside)
        opened[gap, self.owners[blank]] = True
        near, far = ALIGNED * height, BESIDE * height
        apart = beside & ~spanning
        ends, starts = apart & (s1 < near) & (s1 > -far), apart & (s0 > width - near)
        starts &= s0 < width + far
        aligned = (ends & (s1 > -near)) | (starts & (s0 < width + near))
        count = partial(np.count_nonzero, axis=1)
        here = count(spanning & opened)
        rows = np.minimum(np.minimum(count(ends), count(starts)), count(aligned))
        return here + rows, here + count(aligned), count(spanning & ~opened)

    def after(self, number: int) -> tuple[float, int] | None:
        """The piece that goes on after another, and the gap between them in px."""
        height, along = self.heights[number], self.tails[number]
        normal = np.array([-along[1], along[0]])
        starts, ends = self.starts - self.ends[number], self.ends - self.ends[number]
        s0, n0, s1 = starts @ along, starts @ normal, ends @ along
        slope = self.heads @ normal
        higher = np.maximum(self.heights, height)
        fits = (np.abs(slope) < PARALLEL) & (self.heads @ along > 0)
        fits &= higher < ALIKE * np.minimum(self.heights, height)
        fits &= np.abs(n0 - 0.5 * s0 * slope) < LEVEL * higher
        fits &= (s0 > -0.7 * height) & (s0 < (WIDE + MARGIN) * higher) & (s1 > 0)
        fits[number] = False
        if not fits.any():
            return None
        other = int(np.flatnonzero(fits)[np.argmin(s0[fits])])
        scale = higher[other]
        gap = float(s0[other]) - MARGIN * scale
        if s0[other] <= 0:
            return gap, other
        gaps = np.array([[self.ends[number], self.starts[other]]])
        own = np.isin(np.arange(len(self.starts)), (number, other))[None]
        (columns,), (aligned,), (closed,) = self.votes(gaps, scale[None], own)
        if columns >= CERTAIN and columns > LARGER * closed:
            return None
        widest = WIDE if closed > aligned else USUAL if closed == aligned else NARROW
        return (gap, other) if gap < widest * scale else None
