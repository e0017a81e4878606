"""How the learning rate goes: up at the start, down a cosine to the end."""

from __future__ import annotations

import math


def rate(progress: float, warmup: float, final: float = 0.0) -> float:
    """The share of the full learning rate at `progress` of a run, both in [0, 1].

    Rises linearly until `warmup`, then falls along a half cosine to `final`.
    """
    if progress < warmup:
        return progress / warmup
    fallen = min(1.0, (progress - warmup) / max(1e-9, 1 - warmup))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * fallen))
