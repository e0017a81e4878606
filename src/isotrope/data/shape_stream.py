"""A stream whose batches have similar shapes and about the same number of pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from isotrope.data.stream import Drawn, GroupStream

_LEAST = 4
"""Fewest tall images that get their own batch; fewer are batched with the wide ones."""


class ShapeStream(GroupStream[Drawn]):
    """A `GroupStream` cut by area: the batches of a group have about the same number of pixels.

    The short side of every image becomes the same, so an image of aspect r has max(r, 1/r) units
    of area. Tall images (higher than wide) get batches of their own unless there are too few.

    Args:
        draw, collate, size, parts, seed, start, rank, ranks: As in `GroupStream`; the `extent` of a
            sample is its width over its height, and `size` need not be a multiple of `parts`.
    """

    def __init__(
        self,
        draw: Callable[[np.random.Generator], Drawn],
        collate: Callable[[Sequence[Drawn]], Any],
        size: int,
        parts: int,
        **place: int,
    ) -> None:
        if not 1 <= parts <= size:
            raise ValueError(f"parts={parts} must be from 1 to size={size}")
        super().__init__(draw, collate, size, 1, **place)
        self.parts = parts

    def cut(self, samples: Sequence[Drawn]) -> list[Sequence[Drawn]]:
        ratios = np.array([sample.extent for sample in samples])
        areas = np.maximum(ratios, 1 / ratios)
        high, wide = int((ratios < 1).sum()), int((ratios >= 1).sum())
        share = areas[:high].sum() / areas.sum()
        own = max(round(share * self.parts), int(high >= _LEAST))  # batches of tall images
        own = min(max(own, self.parts - wide), high, self.parts - (wide > 0))
        first = high if own else 0
        return [
            *_runs(samples[:first], areas[:first], own),
            *_runs(samples[first:], areas[first:], self.parts - own),
        ]


def _runs(samples: Sequence[Drawn], areas: np.ndarray, parts: int) -> list[Sequence[Drawn]]:
    """Cut into `parts` non-empty runs of about the same area."""
    if not parts:
        return []
    places = np.arange(1, parts)
    edges = np.searchsorted(areas.cumsum() - areas / 2, areas.sum() * places / parts)
    edges = np.maximum.accumulate(edges - places) + places  # each after the one before
    edges = np.clip(edges, places, len(samples) - parts + places)
    return [samples[a:b] for a, b in pairwise([0, *edges.tolist(), len(samples)])]
