"""Pooling of a lifted signal to a vector that no element of the group changes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

POOLS = ("mean", "max")
"""Ways to pool the orientations."""


class InvariantPool(nn.Module):
    """The mean over positions of the mean or maximum over orientations.

    Maps `(B, |G|, H, W, C)` to `(B, C)`. A turn only permutes the terms. The mean gives a gradient
    to every token; the maximum shows whether a pattern occurs in any orientation, and learns
    rotated digits sooner (docs/results/classification.md).

    Args:
        orientations: "mean" or "max".

    Raises:
        ValueError: an unknown `orientations`, or an input that is not a lifted signal.
    """

    takes, gives = "lifted", "invariant"

    def __init__(self, orientations: str = "mean") -> None:
        super().__init__()
        if orientations not in POOLS:
            raise ValueError(f"orientations={orientations!r} is not known; use 'mean' or 'max'")
        self.orientations = orientations

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B C"]:
        if lifted.ndim != 5:  # pooling a plain image would give meaningless numbers
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal; give (B, |G|, H, W, C)"
            )
        if self.orientations == "max":
            return lifted.amax(dim=1).mean(dim=(1, 2))
        return lifted.mean(dim=(1, 2, 3))

    def extra_repr(self) -> str:
        return f"orientations={self.orientations!r}"
