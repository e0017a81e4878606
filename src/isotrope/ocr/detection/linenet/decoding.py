"""From the maps of `LineNet` to lines, equivariantly. No torch.

Every step commutes with turns: what is computed along a line and across it is computed in the
line's own frame, which its arrows give, and nothing depends on the order of pixels but the order
of the lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from isotrope.ocr.detection.components import components
from isotrope.ocr.detection.curves import Curve, fitted, sampled
from isotrope.ocr.detection.lines import DetectedLine

SCALE = 2
"""Pixels of the network's image per position of the maps."""


_BELIEVED = (-2.0, 9.0)
"""Smallest and largest logarithm of a height that is believed."""


@dataclass(frozen=True)
class Decoding:
    """How lines are made from maps.

    Args:
        threshold: Probability from which a position belongs to a core.
        sure: Least mean probability of a core.
        smallest: Least number of positions of a core.
        taller: Factor of the heights. Archives outline letters tightly, readers want some paper.
        gap: Length of a line beyond either end of its core, in heights of the line.
        share: The same, at most, in lengths of the core: short lines have short gaps.
        parted: Probability of an end in the middle of a line from which it is cut there.
        descent: Distance of the baseline from the middle line, in heights of the line.
        directed: Least mean of the arrows along a line that gives its direction, in [0, 1].
    """

    threshold: float = 0.65
    sure: float = 0.86
    smallest: int = 30
    taller: float = 1.12
    gap: float = 0.3
    share: float = 0.75
    parted: float = 0.9
    descent: float = 0.25
    directed: float = 0.2


@dataclass(frozen=True)
class Field:
    """The maps of a page, of `(h, w)` positions.

    Args:
        core, end: Probabilities.
        arrow: Vectors `(2, h, w)`.
        height: Natural logarithms of heights in pixels of the network's image.
    """

    core: np.ndarray
    end: np.ndarray
    arrow: np.ndarray
    height: np.ndarray

    @classmethod
    def of(cls, out: np.ndarray) -> Field:
        """From what the graph gives, `(5, h, w)`: two logits, an arrow, a logarithm."""
        core, end = (1 + np.tanh(out[:2] / 2)) / 2
        return cls(core, end, out[2:4], np.clip(out[4], *_BELIEVED))


def find_lines(
    field: Field, size: tuple[float, float], how: Decoding = Decoding()
) -> list[DetectedLine]:
    """Find the lines of a page in its maps.

    Args:
        field: The maps.
        size: Width and height of the page, px.
        how: How lines are made.
    """
    rows, columns = field.core.shape
    scale = np.array([size[0] / columns, size[1] / rows])  # of the page's pixels per position
    found = []
    for across, along in components(field.core > how.threshold):
        weights = field.core[across, along].astype(np.float64)
        if len(weights) < how.smallest or weights.mean() < how.sure:
            continue
        found += _lines(field, across, along, weights, scale, how)
    return found


def _lines(
    field: Field,
    rows: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    scale: np.ndarray,
    how: Decoding,
) -> list[DetectedLine]:
    """The line of a core, or the lines if ends in its middle show that it is several."""
    points = np.stack([columns + 0.5, rows + 0.5], 1)
    arrows = field.arrow[:, rows, columns].T.astype(np.float64)
    share = weights / weights.sum()
    logs = field.height[rows, columns].astype(np.float64)
    height = how.taller * float(np.exp(share @ logs)) / SCALE
    curve = fitted(points, share, arrows, height)
    curve = curve.until(lambda p: sampled(field.core, p) - how.threshold)
    confidence = float(weights.mean())
    size = height * float(np.sqrt(scale.prod()))
    lines = []
    for part in _parts(curve, field, height, how):
        middle = part.simplified(0.03 * height)
        across = middle.normals() * height
        outline = np.concatenate([middle.points - across / 2, (middle.points + across / 2)[::-1]])
        lines.append(
            DetectedLine(
                baseline=_placed(middle.points + how.descent * across, scale),
                polygon=_placed(outline, scale),
                height=size,
                confidence=confidence,
                directed=curve.certainty > how.directed,
            )
        )
    return lines


def _placed(points: np.ndarray, scale: np.ndarray):
    return tuple(map(tuple, (points * scale).tolist()))


def _parts(curve: Curve, field: Field, height: float, how: Decoding) -> list[Curve]:
    """A curve prolonged to the ends of the text, and cut where an end is in its middle."""
    places = curve.places(height / 4)
    inner = (places > height) & (places < curve.length - height)
    ends = inner & (sampled(field.end, curve.at(places)) > how.parted)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ends, [0]])))
    cuts = [(places[a] + places[b - 1]) / 2 for a, b in zip(edges[::2], edges[1::2], strict=True)]
    gap = min(how.gap * height, how.share * curve.length)
    bounds = [-gap, *cuts, curve.length + gap]
    return [curve.part(a, b) for a, b in pairwise(bounds)]
