"""Batch normalization of a lifted signal: one mean and one variance for all orientations."""

# torch leaves some of its functions untyped, such as those that register hooks:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
"""Makes a norm of lifted signals from a number of channels: `nn.LayerNorm`, `LiftedBatchNorm`."""


class LiftedBatchNorm(nn.Module):
    """`gamma_c (F - mean_c) / sqrt(var_c + eps) + beta_c`, over the batch, positions, orientations.

    A turn permutes the values that the mean and the variance are taken over, so both stay the same,
    and the layer commutes with every element; separate statistics for each orientation would not.
    In eval mode it uses the running statistics from training.

    Maps `(B, |G|, H, W, C)` to the same shape. Source: Cohen & Welling 2016, section 6.3.

    `nn.SyncBatchNorm.convert_sync_batchnorm` works, because it wraps a `BatchNorm1d` rather than
    subclassing it.

    Raises:
        ValueError: not a lifted signal of `C` channels.
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.batch_norm = nn.BatchNorm1d(dim)
        self.register_load_state_dict_pre_hook(_from_first_names)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        if lifted.ndim != 5 or lifted.shape[4] != self.dim:
            raise ValueError(
                f"shape {tuple(lifted.shape)} is not a lifted signal of {self.dim} "
                f"channels; give (B, |G|, H, W, {self.dim})"
            )
        if lifted.is_contiguous():
            return self.batch_norm(lifted.flatten(0, 3)).view(lifted.shape)
        # The order in memory that convolutions leave (`to_lifted`): flattened without a copy.
        rows = lifted.permute(0, 2, 3, 1, 4)
        return self.batch_norm(rows.flatten(0, 3)).view(rows.shape).permute(0, 3, 1, 2, 4)


def _from_first_names(
    module: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any
) -> None:
    """Rename weights that were saved when the layer itself was a `BatchNorm1d`."""
    for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        if prefix + name in state_dict:
            state_dict[f"{prefix}batch_norm.{name}"] = state_dict.pop(prefix + name)


NORMS: dict[str, Norm] = {"layer": nn.LayerNorm, "batch": LiftedBatchNorm}
"""Norms by their name in a config."""
