"""Random draws: one of several values, weighted or not, and strings of characters."""

from __future__ import annotations

import numpy as np


class Categorical:
    """Draw one of `values` with probability proportional to `weights`, by binary search."""

    def __init__(self, values, weights):
        self.values = list(values)
        weights = np.asarray(weights, np.float64)
        self.cumulative = np.cumsum(weights) / weights.sum()

    def draw(self, rng: np.random.Generator):
        """Draw one of the values by its probability."""
        index = int(np.searchsorted(self.cumulative, rng.random(), side="right"))
        return self.values[min(index, len(self.values) - 1)]


def pick(rng: np.random.Generator, values):
    """Draw one of `values` uniformly."""
    return values[int(rng.integers(len(values)))]


def characters(rng: np.random.Generator, alphabet: str, count: int) -> str:
    """Draw `count` characters of an alphabet uniformly."""
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=count))
