"""Which way the lines of a page face: each line's own look, and its neighbors' votes. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from isotrope.ocr.pages.strips import Outline
from isotrope.ocr.views import Finder

LOOK = 10
"""Length of the part of a line that the finder sees, in heights: the middle is enough."""

PRIOR = 2.0
"""Log odds that a line faces as most of its page does, before anything is seen of it."""

STRONGEST = 4.0
"""Largest vote of a line, in log odds: one cannot outvote many."""

SHARE = 0.5
"""Weight of a neighbor's vote."""

NEAR = 2.5
"""Distance of neighbors, in heights: across from middle to middle, along from end to end."""


def votes(strips: Iterable[np.ndarray], outlines: Sequence[Outline], finder: Finder) -> np.ndarray:
    """Log odds that lines face as they were cut out, rather than upside down: `(n,)`.

    A line's own odds, with a part of those of its neighbors that run in the same direction: single
    short lines follow their block.

    Args:
        strips: The lines, (H, W, 3), uint8 RGB.
        outlines: Where they are on the page.
        finder: Finds which way is up.
    """
    if not outlines:
        return np.zeros(0)
    seen = finder.find_pixels([_middle(strip) for strip in strips])
    own = np.array([_odds(found.scores) for found in seen])
    return own + SHARE * neighbors(outlines) @ own


def neighbors(outlines: Sequence[Outline]) -> np.ndarray:
    """Which lines are neighbors that run in the same direction: `(n, n)`, 0 or 1."""
    middle = np.array([outline.middle.mean(axis=0) for outline in outlines])
    run = np.array([outline.middle[-1] - outline.middle[0] for outline in outlines])
    length = np.maximum(np.hypot(*run.T), 1e-6)
    height = np.array([outline.height for outline in outlines])
    unit = run / length[:, None]
    apart = middle[None] - middle[:, None]  # (n, n, 2): from each line to each other
    along = np.abs(np.einsum("ijk,ik->ij", apart, unit)) - (length[:, None] + length[None]) / 2
    across = np.abs(np.einsum("ijk,ik->ij", apart, unit[:, ::-1] * (1, -1)))
    taller = np.maximum(height[:, None], height[None])
    alike = taller < 2 * np.minimum(height[:, None], height[None])
    parallel = unit @ unit.T > math.cos(math.radians(20))
    near = (along < NEAR * taller) & (across < NEAR * taller)
    both = alike & parallel & near & near.T & ~np.eye(len(outlines), dtype=bool)
    return both.astype(np.float64)


def _odds(scores: tuple[float, float, float, float]) -> float:
    odds = math.log(max(scores[0], 1e-6) / max(scores[2], 1e-6))
    return max(-STRONGEST, min(STRONGEST, odds))


def _middle(strip: np.ndarray) -> np.ndarray:
    """The middle of a long strip."""
    rows, columns = strip.shape[:2]
    spare = (columns - LOOK * rows) // 2
    return np.ascontiguousarray(strip[:, spare : spare + LOOK * rows]) if spare > 0 else strip
