"""Upsampling of a lifted signal: the grid grows, and the orientations stay."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.nn.conv import to_lifted, to_planes

MODES = ("bilinear", "nearest")
"""Ways to fill the finer grid."""


class Upsample(nn.Module):
    """Values between the positions: `(B, |G|, H, W, C)` -> `(B, |G|, s H, s W, C)`.

    Each position becomes `s x s` positions around the same center, and values beyond the border are
    those at the border, so the finer grid lies symmetrically and a turn only permutes it.

    Args:
        factor: `s`, how many times finer the grid becomes.
        mode: "bilinear" or "nearest".

    Raises:
        ValueError: a factor below 1, an unknown mode, or not a lifted signal.
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, factor: int = 2, mode: str = "bilinear") -> None:
        super().__init__()
        if factor < 1:
            raise ValueError(f"factor={factor} would shrink the grid; give 1 or more")
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is not known; use 'bilinear' or 'nearest'")
        self.factor, self.mode = factor, mode

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H2 W2 C"]:
        if lifted.ndim != 5:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal; give (B, |G|, H, W, C)"
            )
        return to_lifted(self.on_planes(to_planes(lifted)), lifted.shape[1])

    def on_planes(self, planes: Float[Tensor, "B I H W"]) -> Float[Tensor, "B I H2 W2"]:
        """The same on `(B, |G|*C, H, W)`: all planes are treated alike."""
        return F.interpolate(planes, scale_factor=float(self.factor), mode=self.mode)

    def extra_repr(self) -> str:
        return f"factor={self.factor}, mode={self.mode!r}"
