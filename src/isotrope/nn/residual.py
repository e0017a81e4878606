"""How much of each branch a block adds to its input: layer scale and stochastic depth."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ResidualScale(nn.Module):
    """`s_c F`, or 0 for a whole image with probability `drop_path` while training.

    Layer scale (Touvron et al. 2021, *Going deeper with image transformers*) has one learned factor
    per channel, the same for all positions and orientations, so it commutes with every element.
    Stochastic depth (Huang et al. 2016) draws once per image, and divides what it keeps by
    `1 - drop_path`.

    Maps `(B, |G|, H, W, dim)` to the same shape.

    Args:
        layer_scale: the initial factor, such as 1e-4; `None`: no factor is learned.
        drop_path: the probability, in [0, 1).

    Raises:
        ValueError: a factor that is not positive, or a probability outside [0, 1).
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, layer_scale: float | None = None, drop_path: float = 0.0) -> None:
        super().__init__()
        check_residual(layer_scale, drop_path)
        self.drop_path = drop_path
        self.weight = None if layer_scale is None else nn.Parameter(torch.full((dim,), layer_scale))

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        if self.weight is not None:
            lifted = lifted * self.weight
        if not (self.training and self.drop_path):
            return lifted
        kept = torch.rand(len(lifted), 1, 1, 1, 1, device=lifted.device) >= self.drop_path
        return lifted * (kept / (1 - self.drop_path)).to(lifted.dtype)

    def extra_repr(self) -> str:
        return f"layer_scale={self.weight is not None}, drop_path={self.drop_path}"


def check_residual(layer_scale: float | None, drop_path: float) -> None:
    """Raise ValueError unless `layer_scale` is None or positive, and `drop_path` in [0, 1)."""
    if layer_scale is not None and not layer_scale > 0:
        raise ValueError(f"layer_scale={layer_scale} is not positive; use 1e-4, or None")
    if not 0 <= drop_path < 1:
        raise ValueError(f"drop_path={drop_path} is not in [0, 1); use 0.1, or 0 for none")
