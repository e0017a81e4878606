"""Configs of the mixers, which mix the tokens of a stage, in the registry `MIXERS`.

| name      | class           | builds                                                          |
|-----------|-----------------|-----------------------------------------------------------------|
| `"gcsa"`  | `GCSA`          | `GroupConvSelfAttention` in pre-norm blocks, [GCSA]             |
| `"gsa"`   | `GSA`           | `GroupSelfAttention` in pre-norm blocks, [LoRA-GSA]             |
| `"conv"`  | `DepthwiseConv` | depthwise `GroupConv` in pre-norm blocks: the equivariant CNN   |
| `"plain"` | `FullConv`      | `ConvLayer`s in place of blocks, as in Cohen & Welling 2016     |

To add one, write a frozen dataclass that inherits from `Mixer` and has `build`, and add its name to
`MIXERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from isotrope.groups import Group
from isotrope.models.steps import FilterStep, MeanStep, Step
from isotrope.models.values import check_whole
from isotrope.nn import Block, ConvLayer, GroupConv, GroupConvSelfAttention, GroupSelfAttention
from isotrope.nn.conv import check_centered
from isotrope.nn.norm import Norm


@dataclass(frozen=True)
class Mixer:
    """Base of the configs. By default a stage is a series of blocks around `build(dim, group)`."""

    name: str = field(default="", init=False)

    width_changes: ClassVar[bool] = False
    """Whether its first layer can change the width, so that no step has to."""

    filters_first: ClassVar[bool] = False
    """Whether it starts with a filter, so that the patch embedding needs an activation."""

    def __post_init__(self) -> None:
        check_whole(self)

    @property
    def unit(self) -> int:
        """Both sides of the grid must be multiples of this many positions."""
        return 1

    def step(self, stride: int, kernel_size: int | None = None) -> Step:
        """The default step that shrinks the grid before a stage with this mixer."""
        return FilterStep(stride, kernel_size)

    def build(self, dim: int, group: Group) -> nn.Module:
        """A module that maps `(B, |G|, H, W, dim)` to the same shape."""
        raise NotImplementedError

    def layers(
        self,
        in_dim: int,
        dim: int,
        depth: int,
        mlp_ratio: float,
        group: Group,
        norm: Norm,
        block: Callable[..., nn.Module] = Block,
    ) -> Iterator[nn.Module]:
        """The `depth` layers of a stage, from `in_dim` channels to `dim`.

        Args:
            block: makes a block from `(dim, mixer, mlp_ratio, norm)`.
        """
        for _ in range(depth):
            yield block(dim, self.build(dim, group), mlp_ratio, norm)


@dataclass(frozen=True)
class GCSA(Mixer):
    """Group convolutional self-attention, [GCSA] eq. 2-4: `GroupConvSelfAttention`.

    Args:
        heads: number of attention heads.
        kernel_size: side of the filters that make queries, keys and values; odd.
        window: side of the attention windows in positions; `None`: the whole grid.
        kv_pool: keys and values are averaged over `kv_pool x kv_pool` positions.
    """

    name: str = field(default="gcsa", init=False)
    heads: int = 2
    kernel_size: int = 3
    window: int | None = None
    kv_pool: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_centered(self.kernel_size)

    @property
    def unit(self) -> int:
        return self.window or self.kv_pool

    def build(self, dim: int, group: Group) -> nn.Module:
        return GroupConvSelfAttention(
            dim,
            self.heads,
            group=group,
            kernel_size=self.kernel_size,
            window=self.window,
            kv_pool=self.kv_pool,
        )


@dataclass(frozen=True)
class GSA(Mixer):
    """Group self-attention, [LoRA-GSA] section 5: `GroupSelfAttention`.

    Args:
        heads: number of attention heads.
        encoding: position encoding: `None`, "mlp", "table" or "rotary".
        sum_orientations: use [RC]'s literal sum over the queries of every orientation.
        window: side of the attention windows in positions; `None`: the whole grid.
        kv_pool: keys and values are averaged over `kv_pool x kv_pool` positions.
    """

    name: str = field(default="gsa", init=False)
    heads: int = 2
    encoding: str | None = None
    sum_orientations: bool = False
    window: int | None = None
    kv_pool: int = 1

    @property
    def unit(self) -> int:
        return self.window or self.kv_pool

    def build(self, dim: int, group: Group) -> nn.Module:
        return GroupSelfAttention(
            dim,
            self.heads,
            group=group,
            encoding=self.encoding,
            window=self.window,
            sum_orientations=self.sum_orientations,
            kv_pool=self.kv_pool,
        )


@dataclass(frozen=True)
class DepthwiseConv(Mixer):
    """A depthwise `GroupConv` in place of attention: the equivariant CNN.

    Args:
        kernel_size: side of the filters; odd.
    """

    name: str = field(default="conv", init=False)
    kernel_size: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_centered(self.kernel_size)

    def build(self, dim: int, group: Group) -> nn.Module:
        size = self.kernel_size
        return GroupConv(dim, dim, size, padding=size // 2, group=group, depthwise=True)


@dataclass(frozen=True)
class FullConv(Mixer):
    """`ConvLayer`s with full filters in place of blocks: the group CNN of Cohen & Welling 2016.

    Args:
        kernel_size: side of the filters; odd.
    """

    name: str = field(default="plain", init=False)
    kernel_size: int = 3

    width_changes: ClassVar[bool] = True
    filters_first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_centered(self.kernel_size)

    def step(self, stride: int, kernel_size: int | None = None) -> Step:
        return MeanStep(stride) if kernel_size is None else FilterStep(stride, kernel_size)

    def layers(
        self,
        in_dim: int,
        dim: int,
        depth: int,
        mlp_ratio: float,
        group: Group,
        norm: Norm,
        block: Callable[..., nn.Module] = Block,
    ) -> Iterator[nn.Module]:
        for number in range(depth):
            yield ConvLayer(dim if number else in_dim, dim, self.kernel_size, group, norm)


MIXERS: dict[str, type[Mixer]] = {
    "gcsa": GCSA,
    "gsa": GSA,
    "conv": DepthwiseConv,
    "plain": FullConv,
}
"""Mixers by their name in configs and recipes."""
