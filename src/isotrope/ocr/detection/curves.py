"""Middle lines of lines of text, in their own direction. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

STIFFNESS = 3.0
"""Weight of the bending of a middle line against its distance from the positions."""

_KNOTS = 48
"""Number of knots of a middle line, at most."""


@dataclass(frozen=True)
class Curve:
    """A polyline in the direction of reading.

    Args:
        points: `(n, 2)`, n >= 2.
        certainty: How well its direction is known, in [0, 1].
    """

    points: np.ndarray
    certainty: float = 1.0

    @cached_property
    def lengths(self) -> np.ndarray:
        """Length of the curve up to each of its points, `(n,)`."""
        return np.concatenate([[0.0], np.cumsum(self._steps)])

    @property
    def length(self) -> float:
        """Length of the curve."""
        return float(self.lengths[-1])

    def places(self, step: float) -> np.ndarray:
        """Lengths from 0 to that of the curve, equally spaced by about `step`."""
        return np.linspace(0, self.length, max(2, round(self.length / step) + 1))

    def at(self, places: np.ndarray) -> np.ndarray:
        """The points `(m, 2)` at some lengths along the curve; beyond its ends it is straight."""
        lengths = self.lengths
        segment = np.clip(np.searchsorted(lengths, places) - 1, 0, len(lengths) - 2)
        beyond = (places - lengths[segment])[:, None]
        return self.points[segment] + beyond * self.directions[segment]

    @cached_property
    def directions(self) -> np.ndarray:
        """The unit vector of each segment, `(n - 1, 2)`."""
        return (self.points[1:] - self.points[:-1]) / self._steps[:, None]

    @cached_property
    def _steps(self) -> np.ndarray:
        along = self.points[1:] - self.points[:-1]
        return np.hypot(along[:, 0], along[:, 1])

    def normals(self) -> np.ndarray:
        """Offset of each point that moves the segments beside it by 1 to their right, `(n, 2)`.

        To the right of the direction of reading is below the letters.
        """
        along = self.directions
        across = np.stack([-along[:, 1], along[:, 0]], 1)
        both = np.concatenate([across[:1], across]) + np.concatenate([across, across[-1:]])
        return 2 * both / np.sum(both * both, axis=1, keepdims=True)

    def part(self, start: float, stop: float) -> Curve:
        """The curve between two lengths along it, which may lie beyond its ends."""
        lengths = self.lengths
        inner = self.points[(lengths > max(start, 0)) & (lengths < min(stop, lengths[-1]))]
        first, last = self.at(np.array([start, stop]))
        return Curve(np.concatenate([first[None], inner, last[None]]), self.certainty)

    def extended(self, by: float) -> Curve:
        """Prolong the curve at both ends, straight on."""
        return self.part(-by, self.length + by)

    def until(self, inside: Callable[[np.ndarray], np.ndarray]) -> Curve:
        """Move both ends, by about a position at most, to where a function of points crosses 0.

        Args:
            inside: Positive inside the line.
        """
        offsets = np.linspace(-1.0, 1.5, 26)
        values = inside(self.at(np.concatenate([-offsets, self.length + offsets])))
        first, last = (_crossing(offsets, each) for each in np.split(values, 2))
        return self if -first >= self.length + last else self.part(-first, self.length + last)

    def simplified(self, tolerance: float) -> Curve:
        """The curve by as few equally spaced points as an arc within `tolerance` needs.

        An arc that rises by `d` above its chord is within `d / m^2` of `m` segments. No choice
        among points is made here, since one between equals would break the symmetry.
        """
        first, last = self.points[[0, -1]]
        x, y = (last - first) / max(float(np.hypot(*(last - first))), 1e-9)
        moved = self.points - first
        rise = float(np.abs(moved[:, 0] * y - moved[:, 1] * x).max())
        segments = int(np.clip(np.ceil(np.sqrt(rise / tolerance)), 1, len(self.points) - 1))
        return Curve(self.at(np.linspace(0, self.length, segments + 1)), self.certainty)


def _crossing(offsets: np.ndarray, values: np.ndarray) -> float:
    """Where values first fall below 0, between two offsets; 0 if they do not."""
    falls = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not len(falls):
        return 0.0
    i = falls[0]
    share = values[i] / (values[i] - values[i + 1])
    return float(offsets[i] + share * (offsets[i + 1] - offsets[i]))


def fitted(points: np.ndarray, share: np.ndarray, arrows: np.ndarray, height: float) -> Curve:
    """The middle line of a core, in the direction of its arrows.

    A linear spline `n(s)` across the direction of the core, as a function of the place along it,
    by least squares with a penalty on second differences (Whittaker 1923).

    Args:
        points: Centers of the core's positions, `(n, 2)`.
        share: Weight of each; the sum is 1.
        arrows: The arrow of each, `(n, 2)`.
        height: Height of the line.
    """
    center = share @ points
    along, certainty = _direction(points - center, share, arrows, height)
    s = (points - center) @ along
    n = (points - center) @ np.array([-along[1], along[0]])
    knots = np.linspace(s.min(), s.max(), int(np.clip(round(np.ptp(s) / height), 1, _KNOTS)) + 1)
    if np.ptp(s) <= 0:
        knots = np.array([s[0] - 0.25, s[0] + 0.25])
    middle = _spline(s, n, share, knots)
    across = np.array([-along[1], along[0]])
    return Curve(center + knots[:, None] * along + middle[:, None] * across, certainty)


def _direction(
    moved: np.ndarray, share: np.ndarray, arrows: np.ndarray, height: float
) -> tuple[np.ndarray, float]:
    """The direction of reading, and how sure it is.

    The axis of the core's positions if it is long, that of the arrows if it is short; which of the
    two ends comes first is up to the arrows.
    """
    moment = (moved * share[:, None]).T @ moved + height**2 * (arrows * share[:, None]).T @ arrows
    axis = np.linalg.eigh(moment)[1][:, 1]
    mean = float(share @ arrows @ axis)
    return (axis if mean >= 0 else -axis), min(1.0, abs(mean))


def _spline(s: np.ndarray, n: np.ndarray, share: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Values at the knots of the linear spline nearest to `n(s)`."""
    count = len(knots)
    place = (s - knots[0]) / (knots[1] - knots[0])
    left = np.clip(np.floor(place), 0, count - 2).astype(int)
    right = place - left
    both = np.bincount(left, share * right * (1 - right), count)[:-1]
    own = np.bincount(left, share * (1 - right) ** 2, count)
    own += np.bincount(left + 1, share * right**2, count)
    matrix = np.diag(own) + np.diag(both, 1) + np.diag(both, -1)
    value = np.bincount(left, share * (1 - right) * n, count)
    value += np.bincount(left + 1, share * right * n, count)
    return np.linalg.solve(matrix + _penalty(count), value)


@cache
def _penalty(count: int) -> np.ndarray:
    bend = np.diff(np.eye(count), 2, axis=0)
    level = np.diff(np.eye(count), 1, axis=0)  # for a core one position long
    return (STIFFNESS * bend.T @ bend + 1e-3 * level.T @ level) / count


def sampled(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A map at points between its positions, bilinearly; beyond its border it is as at the border.

    Args:
        values: `(h, w)`; the center of its first position is `(0.5, 0.5)`.
        points: `(n, 2)`.
    """
    rows, columns = values.shape
    x = np.clip(points[:, 0] - 0.5, 0, columns - 1)
    y = np.clip(points[:, 1] - 0.5, 0, rows - 1)
    left = np.minimum(x.astype(int), max(columns - 2, 0))
    top = np.minimum(y.astype(int), max(rows - 2, 0))
    right, below = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    across, down = x - left, y - top
    above = values[top, left] * (1 - across) + values[top, right] * across
    under = values[below, left] * (1 - across) + values[below, right] * across
    return above * (1 - down) + under * down


def simplified(points: np.ndarray, tolerance: float) -> np.ndarray:
    """The points of a polyline that are farther than `tolerance` from a line without them.

    The algorithm of Douglas and Peucker (1973, https://doi.org/10.3138/FM57-6770-U75U-7727): the
    point farthest from the straight line between two kept ones is kept as well if it is too far.
    The ends stay.

    Args:
        points: `(n, 2)`, n >= 2.
    """
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        along = points[last] - points[first]
        away = points[first + 1 : last] - points[first]
        share = np.clip(away @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
        off = away - share[:, None] * along
        distance = np.hypot(off[:, 0], off[:, 1])
        farthest = int(distance.argmax())
        if distance[farthest] > tolerance:
            middle = first + 1 + farthest
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    return points[kept]
