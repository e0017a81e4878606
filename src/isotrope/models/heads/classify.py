"""The head of classifiers: logits from pooled features."""

from __future__ import annotations

from torch import nn


class ClassHead(nn.Sequential):
    """Logits from pooled features: a norm, then a linear map. `(B, dim)` to `(B, classes)`.

    The norm rescales the pooled features, which are small because they are means over positions.
    """

    takes, gives = "invariant", "invariant"

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__(nn.LayerNorm(dim), nn.Linear(dim, classes))
