"""Pooling a lifted signal to a vector that no element of the group changes."""

from __future__ import annotations

from torch import Tensor, nn


class InvariantPool(nn.Module):
    """The mean over positions and orientations: `(B, |G|, H, W, C)` -> `(B, C)`.

    A turn permutes the terms of the mean and nothing else. A maximum over orientations would be
    invariant too; the mean gives every token gradient.

    Raises:
        ValueError: not a lifted signal.
    """

    takes, gives = "lifted", "invariant"

    def forward(self, lifted: Tensor) -> Tensor:
        if lifted.ndim != 5:  # the mean of an image would be a number of no meaning
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal; give (B, |G|, H, W, C)"
            )
        return lifted.mean(dim=(1, 2, 3))
