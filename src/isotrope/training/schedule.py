"""The learning rate schedule: up at the start, down at the end."""

from __future__ import annotations

import math
from typing import Literal

Fall = Literal["cosine", "linear"]


def rate(
    progress: float,
    warmup: float,
    final: float = 0.0,
    cooldown: float = 1.0,
    fall: Fall = "cosine",
) -> float:
    """The fraction of the full learning rate at `progress` of a run, both in [0, 1].

    It rises linearly until `warmup`, stays at 1 until `1 - cooldown`, then falls to `final`.

    Args:
        warmup: Fraction of the run over which it rises.
        final: Its value at the end.
        cooldown: Fraction of the run over which it falls; 1: right after the rise.
        fall: Shape of the fall: half a cosine, or linear.
    """
    if progress < warmup:
        return progress / warmup
    start = max(warmup, 1 - cooldown)
    fallen = min(1.0, max(0.0, progress - start) / max(1e-9, 1 - start))
    left = 0.5 * (1 + math.cos(math.pi * fallen)) if fall == "cosine" else 1 - fallen
    return final + (1 - final) * left
