"""What stands on the backbone: heads from features to answers."""

from __future__ import annotations

from torch import nn


class ClassHead(nn.Sequential):
    """Logits from pooled features: a norm, then a linear map. `(B, dim)` to `(B, classes)`.

    The mean over positions is small; the norm gives the classes a scale of their own.
    """

    takes, gives = "invariant", "invariant"

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__(nn.LayerNorm(dim), nn.Linear(dim, classes))
