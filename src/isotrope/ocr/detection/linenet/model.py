"""`LineNet`: the lines of a page and their directions, exactly equivariant to the group.

An image is lifted once, and all filters turn with the group. The maps of a turned page are the
turned maps, and its arrows are the turned arrows. No published text detector has this property; the
nearest are rotation-equivariant detectors of objects, which are approximate (Han et al. 2021,
"ReDet"; MessDet, ICCV 2025).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import Group, group_from_name
from isotrope.nn import Arrows, Downsample, GroupConv, LiftedBatchNorm, LiftingConv, Upsample

SCALE = 4
"""Pixels of the page per position of the maps."""


class Maps(NamedTuple):
    """What `LineNet` says of each `4 x 4` pixels of a page, `h = H / 4` and `w = W / 4`.

    Args:
        core: Logits of the core of a line, a band along its middle. Invariant.
        end: Logits of the two ends of a line. Invariant.
        arrow: The direction of reading, `(x, y)` with y down; unit length where there is text. A
            vector field: a turn moves the arrows and turns them.
        height: The natural logarithm of the line's height in pixels, from the bottom of the
            descenders to the top of the ascenders. Invariant.
    """

    core: Float[Tensor, "B h w"]
    end: Float[Tensor, "B h w"]
    arrow: Float[Tensor, "B 2 h w"]
    height: Float[Tensor, "B h w"]


@dataclass(frozen=True)
class LineNetConfig:
    """Configuration of a `LineNet`.

    Args:
        group: Name of the group.
        stem: Channels at 1/2 of the resolution.
        widths: Channels at 1/4, 1/8, 1/16, ... of the resolution, for each orientation.
        depths: Residual blocks at the same resolutions.
        norm: Whether convolutions are followed by batch norms; `LineNet.folded` does without.
    """

    group: str = "C4"
    stem: int = 8
    widths: tuple[int, ...] = (12, 16, 32, 48)
    depths: tuple[int, ...] = (0, 2, 2, 2)
    norm: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.depths) or not self.widths:
            raise ValueError(
                f"widths={self.widths} and depths={self.depths} must have one number for each "
                "resolution; give as many of one as of the other"
            )
        if group_from_name(self.group).rotations != 4:
            raise ValueError(
                f"group={self.group!r} cannot turn arrows into any direction; use 'C4' or 'D4'"
            )

    @property
    def unit(self) -> int:
        """Both sides of a page must be multiples of this, px."""
        return 2 * 2 ** len(self.widths)

    def to_dict(self) -> dict:
        """Convert to values that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> LineNetConfig:
        """The inverse of `to_dict`."""
        lists = {name: tuple(values[name]) for name in ("widths", "depths")}
        return cls(**{**values, **lists})


class Conv(nn.Sequential):
    """A centered full `GroupConv`, then a norm."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, out_dim: int, kernel_size: int, group: Group) -> None:
        padding = kernel_size // 2
        conv = GroupConv(dim, out_dim, kernel_size, padding=padding, group=group, bias=False)
        super().__init__(conv, LiftedBatchNorm(out_dim))


class Residual(nn.Module):
    """`relu(F + conv(relu(conv(F))))`, He et al. 2016, on a lifted signal."""

    takes, gives = "lifted", "lifted"

    def __init__(self, dim: int, group: Group) -> None:
        super().__init__()
        self.first, self.second = Conv(dim, dim, 3, group), Conv(dim, dim, 3, group)

    def forward(self, lifted: Float[Tensor, "B G H W C"]) -> Float[Tensor, "B G H W C"]:
        return (lifted + self.second(self.first(lifted).relu())).relu()


class Fuse(nn.Module):
    """`relu(conv(fine + upsample(conv1(coarse))))`: what the coarse grid knows, on the finer one.

    Maps `(B, |G|, H, W, C)` and `(B, |G|, H/2, W/2, C')` to `(B, |G|, H, W, C)`.
    """

    takes, gives = "lifted", "lifted"

    def __init__(self, coarse_dim: int, dim: int, group: Group) -> None:
        super().__init__()
        self.narrow = Conv(coarse_dim, dim, 1, group)
        self.upsample = Upsample(2)
        self.conv = Conv(dim, dim, 3, group)

    def forward(
        self, fine: Float[Tensor, "B G H W C"], coarse: Float[Tensor, "B G H2 W2 C2"]
    ) -> Float[Tensor, "B G H W C"]:
        return self.conv(fine + self.upsample(self.narrow(coarse))).relu()


class LineNet(nn.Module):
    """Maps of a page's lines from its pixels: `(B, 3, H, W)` in [-1, 1], RGB, to `Maps`.

    A residual network on the lifted signal down to 1/32 of the resolution, whose features come back
    up to 1/4. All filters are strided symmetrically and all upsampling is symmetric, so `H` and `W`
    must be multiples of `config.unit`; resize a page, since padding one side would break the
    symmetry.

    Raises:
        ValueError: Sizes that are not multiples of `config.unit`.
    """

    takes, gives = "image", ("image", "image", "vectors", "image")

    def __init__(self, config: LineNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LineNetConfig()
        self.group = group = group_from_name(config.group)
        self.stem = nn.Sequential(
            LiftingConv(3, config.stem, 4, 2, 1, group=group, bias=False),
            LiftedBatchNorm(config.stem),
            nn.ReLU(),
        )
        dims = (config.stem, *config.widths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                Downsample(dim, out_dim, 2, group, norm=LiftedBatchNorm),
                nn.ReLU(),
                *(Residual(out_dim, group) for _ in range(depth)),
            )
            for dim, out_dim, depth in zip(dims, config.widths, config.depths, strict=False)
        )
        pairs = zip(config.widths[:0:-1], config.widths[-2::-1], strict=True)
        self.fuse = nn.ModuleList(Fuse(coarse, fine, group) for coarse, fine in pairs)
        self.say = GroupConv(config.widths[0], 4, 1, group=group)
        self.arrows = Arrows(group)
        with torch.no_grad():  # blank paper, and lines of a usual height
            self.say.weight.mul_(0.1)
            self.say.bias = nn.Parameter(torch.tensor([-2.0, -3.0, math.log(24), 0.0]))

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Maps:
        said = self.say(self.features(pixels))
        core, end, height = said[..., :3].mean(1).unbind(-1)
        return Maps(core, end, self.arrows(said[..., 3:]), height)

    def features(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B G H2 W2 C"]:
        """Features at 1/4 of the resolution."""
        self._check(pixels)
        lifted, levels = self.stem(pixels), []
        for stage in self.stages:
            levels.append(lifted := stage(lifted))
        lifted = levels.pop()
        for fuse in self.fuse:
            lifted = fuse(levels.pop(), lifted)
        return lifted

    def _check(self, pixels: Tensor) -> None:
        rows, columns = pixels.shape[-2:]
        unit = self.config.unit
        if rows % unit or columns % unit:
            raise ValueError(
                f"size {rows}x{columns} breaks equivariance: both sides must be multiples of "
                f"{unit}; resize the page, since padding on one side breaks it too"
            )
