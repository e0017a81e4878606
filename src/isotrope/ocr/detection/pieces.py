"""`Piece`: a part of a line that certainly belongs together; from components of a map. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isotrope.ocr.detection.cores import Core, Pixels, frame, principal, trace, upward

ELONGATED = 2.5
"""Ratio of length to thickness from which pixels show the direction of their line."""

ACROSS = 5.0
"""That ratio if they lie across the lines around them, as an I or a 1 does."""

WEAK = 0.5
"""Share of a line's usual mass, per length, below which it is cut."""

PALE = 0.3
"""Share of a line's contrast below which a pixel is paper."""

BLANK = 0.6
"""Shortest stretch of paper that counts as a gap, in heights of the line."""


@dataclass(frozen=True)
class Piece:
    """A part of a line.

    Args:
        pixels: Its pixels.
        core: Their core.
        blanks: Start and end of each gap between its words, `(k, 2, 2)`, on the page.
    """

    pixels: Pixels
    core: Core
    blanks: np.ndarray

    @classmethod
    def of(cls, pixels: Pixels, axis: float) -> Piece:
        """Make a piece from its pixels and the axis along which it is to be read."""
        core = trace(pixels, axis)
        return cls(pixels, core, _blanks(pixels, axis, BLANK * core.height))

    def split(self, chosen: np.ndarray) -> list[Piece]:
        """Cut some of its gaps, `(k,)` bool, out of the piece."""
        if not chosen.any():
            return [self]
        start, end = self.core.middle[0], self.core.middle[-1]
        along = (end - start) / np.linalg.norm(end - start)
        # Places among the ends of the gaps: even ones are in the text, odd ones in a gap.
        place = np.searchsorted((self.blanks[chosen] @ along).ravel(), self.pixels.points @ along)
        axis = math.atan2(along[1], along[0])
        parts = [self.pixels[place == number] for number in range(0, place.max() + 1, 2)]
        return [Piece.of(pixels, axis) for pixels in parts if len(pixels.weights)]


def axes(parts: Sequence[Pixels]) -> list[float]:
    """The axis along which each part is to be read, as an angle of `principal`.

    Short parts run as the long ones near them do.
    """
    found = [principal(part) for part in parts]
    angles, ratios = (np.array(values) for values in zip(*found, strict=True))
    centers = np.array([part.center for part in parts])
    areas = np.array([len(part.weights) * part.area for part in parts])
    votes = np.where(ratios > ELONGATED, areas, 0.0) * np.exp(2j * angles)
    chosen = []
    for angle, ratio, center, area in zip(angles, ratios, centers, areas, strict=True):
        vote = (votes / (((centers - center) ** 2).sum(1) + area)).sum()
        around = 0.5 * math.atan2(vote.imag, vote.real) if vote else 0.0
        lying = abs(math.sin(angle - around)) > math.sin(math.pi / 4)
        chosen.append(float(angle) if ratio > (ACROSS if lying else ELONGATED) else upward(around))
    return chosen


def cut(pixels: Pixels) -> list[Pixels]:
    """Cut pixels where they are weak, such as between columns that grew together."""
    angle, ratio = principal(pixels)
    if ratio <= ELONGATED:
        return [pixels]
    place, _ = _places(pixels, angle)
    mass = np.convolve(np.bincount(place, pixels.weights), [0.25, 0.5, 0.25], "same")
    weak = mass < WEAK * np.median(mass)
    ends = round(np.median(mass))  # about the thickness: what is near the ends is not cut off
    inside = np.flatnonzero(~weak)
    weak[: inside[0] + ends] = weak[max(0, inside[-1] - ends) :] = False
    if not weak.any():
        return [pixels]
    part = np.cumsum(np.diff(weak.astype(int), prepend=0) == 1)[place]
    kept = ~weak[place]
    return [pixels[kept & (part == number)] for number in range(part.max() + 1)]


def _places(pixels: Pixels, axis: float) -> tuple[np.ndarray, float]:
    """Where each pixel is along an axis, in steps of its side from 0, and where 0 is, px."""
    along, _ = frame(axis)
    s, side = pixels.points @ along, math.sqrt(pixels.area)
    first = float(s.min()) - side / 2
    return ((s - first) / side).astype(int), first


def _blanks(pixels: Pixels, axis: float, shortest: float) -> np.ndarray:
    """Stretches of paper between the ink of a line, `(k, 2, 2)`."""
    along, across = frame(axis)
    place, first = _places(pixels, axis)
    most = np.zeros(place.max() + 1)
    np.maximum.at(most, place, pixels.contrast)
    inked = np.flatnonzero(most >= PALE * np.quantile(most, 0.9))
    wide = np.flatnonzero(np.diff(inked) > shortest / math.sqrt(pixels.area) + 1)
    ends = np.stack([inked[wide] + 1, inked[wide + 1]], 1) * math.sqrt(pixels.area) + first
    return ends[..., None] * along + (pixels.center @ across) * across
