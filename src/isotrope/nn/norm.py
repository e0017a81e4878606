"""Batch normalization of a lifted signal: one mean and one variance for all orientations."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
"""A norm of lifted signals for a number of channels: `nn.LayerNorm`, `LiftedBatchNorm`."""


class LiftedBatchNorm(nn.BatchNorm1d):
    """`gamma_c (F - mean_c) / sqrt(var_c + eps) + beta_c`, over the batch, positions, orientations.

    A turn permutes what the mean and the variance are taken of, so both stay, and the layer
    commutes with every element; statistics of each orientation would not. In eval mode they are
    the running ones of training.

    Maps `(B, |G|, H, W, C)` to the same shape. Source: Cohen & Welling 2016, section 6.3.

    Raises:
        ValueError: not a lifted signal of `C` channels.
    """

    takes, gives = "lifted", "lifted"

    def forward(self, lifted: Tensor) -> Tensor:
        if lifted.ndim != 5 or lifted.shape[4] != self.num_features:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal of {self.num_features} "
                f"channels; give (B, |G|, H, W, {self.num_features})"
            )
        return super().forward(lifted.flatten(0, 3)).view(lifted.shape)
