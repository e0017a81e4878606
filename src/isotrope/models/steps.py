"""Configs of the steps from one stage to the next, in the registry `STEPS`.

| name       | class        | builds                                     | grid   | width   |
|------------|--------------|--------------------------------------------|--------|---------|
| `"filter"` | `FilterStep` | `Downsample`: a strided `GroupConv`, a norm | shrinks | changes |
| `"mean"`   | `MeanStep`   | `MeanPool`                                 | shrinks | stays   |
| `"linear"` | `LinearStep` | a linear map on each token                 | stays  | changes |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from isotrope.groups import Group
from isotrope.models.values import check_whole
from isotrope.nn import Downsample, MeanPool
from isotrope.nn.norm import Norm


@dataclass(frozen=True)
class Step:
    """Base of the step configs."""

    name: str = field(default="", init=False)
    stride: int = field(default=1, init=False)

    width_changes: ClassVar[bool] = True
    """Whether it can change the number of channels."""

    def __post_init__(self) -> None:
        check_whole(self)
        if self.stride < 1:
            raise ValueError(f"stride={self.stride} is not a number of positions; use 1 or more")

    def build(self, in_dim: int, dim: int, group: Group, norm: Norm) -> nn.Module:
        """A module from `(B, |G|, H, W, in_dim)` to `(B, |G|, H/stride, W/stride, dim)`."""
        raise NotImplementedError


@dataclass(frozen=True)
class FilterStep(Step):
    """`Downsample`: a strided full `GroupConv`, then a norm.

    Args:
        stride: `stride x stride` positions become one.
        kernel_size: side of the filter; `None`: `2 stride`, or one less if that is odd.
    """

    name: str = field(default="filter", init=False)
    stride: int = 2
    kernel_size: int | None = None

    def build(self, in_dim: int, dim: int, group: Group, norm: Norm) -> nn.Module:
        return Downsample(in_dim, dim, self.stride, group, self.kernel_size, norm)


@dataclass(frozen=True)
class MeanStep(Step):
    """`MeanPool`: the mean of `stride x stride` positions.

    Args:
        stride: `stride x stride` positions become one.
    """

    name: str = field(default="mean", init=False)
    stride: int = 2

    width_changes: ClassVar[bool] = False

    def build(self, in_dim: int, dim: int, group: Group, norm: Norm) -> nn.Module:
        return MeanPool(self.stride)


@dataclass(frozen=True)
class LinearStep(Step):
    """A linear map on each token, from one width to another; the grid stays the same."""

    name: str = field(default="linear", init=False)

    def build(self, in_dim: int, dim: int, group: Group, norm: Norm) -> nn.Module:
        return nn.Linear(in_dim, dim)


STEPS: dict[str, type[Step]] = {"filter": FilterStep, "mean": MeanStep, "linear": LinearStep}
"""Steps by their name in configs and recipes."""
