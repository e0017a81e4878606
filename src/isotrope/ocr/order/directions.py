"""Which lines run in one direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_NEAR = 8
"""Lines within so many degrees of each other run in one direction."""


def directions(
    angles: Sequence[float], weights: Sequence[float], short: Sequence[bool], period: int = 360
) -> list[tuple[float, list[int]]]:
    """Group lines by direction, the heaviest group first.

    Args:
        angles: Of the lines, in degrees.
        weights: Of the lines, such as their lengths.
        short: Lines whose angle says little; each joins the heaviest group within 45 degrees.
        period: 360, or 180 where a line's start is not known from its end.

    Returns:
        For each group its median angle and its lines.
    """
    turn, weight = np.asarray(angles, float) % period, np.asarray(weights, float)
    brief = np.asarray(short, bool) & (not all(short))
    left = np.flatnonzero(~brief)
    groups: list[tuple[float, list[int]]] = []
    while left.size:
        bins = np.bincount(turn[left].astype(int) % period, weight[left], period)
        wrapped = np.concatenate([bins[-_NEAR:], bins, bins[:_NEAR]])
        center = float(np.argmax(np.convolve(wrapped, np.ones(2 * _NEAR + 1), "valid"))) + 0.5
        off = apart(turn[left], center, period)
        inside = np.abs(off) <= _NEAR + 0.5
        center += _median(off[inside], weight[left][inside])
        groups.append((center, left[inside].tolist()))
        left = left[~inside]
    for i in np.flatnonzero(brief).tolist():
        distances = [abs(float(apart(turn[i], center, period))) for center, _ in groups]
        close = [k for k, distance in enumerate(distances) if distance <= 45]
        groups[close[0] if close else int(np.argmin(distances))][1].append(i)
    return groups


def apart(a, b, period: int = 360):
    """The signed angle from `b` to `a`, in degrees."""
    return (a - b + period / 2) % period - period / 2


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted median."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
