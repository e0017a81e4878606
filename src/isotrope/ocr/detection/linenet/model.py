"""`LineNet`: the lines of a page and their directions, exactly equivariant to the group.

A pretrained network sees the page turned back by every element of the group; its features, turned
forth again, are a lifted signal, whatever strides and paddings it has (`nn.LiftingOrbit`). Group
convolutions join the orientations. The maps of a turned page are the turned maps, and its arrows
are the turned arrows. No published text detector has this property; the nearest are
rotation-equivariant detectors of objects, which are approximate (Han et al. 2021, "ReDet"; MessDet,
ICCV 2025).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from isotrope.groups import group_from_name
from isotrope.models.heads.detect import OrientedMaps
from isotrope.nn import Arrows, LiftingOrbit
from isotrope.ocr.detection.db.model import DBNetConfig, Trunk


class Maps(NamedTuple):
    """What `LineNet` says of each `2 x 2` pixels of a page, `h = H / 2` and `w = W / 2`.

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
        trunk: The network whose orbit is taken.
        dim: Channels at 1/2 of the resolution, for each orientation.
    """

    group: str = "C4"
    trunk: DBNetConfig = field(default_factory=DBNetConfig.tiny)
    dim: int = 24

    def __post_init__(self) -> None:
        if group_from_name(self.group).rotations != 4:
            raise ValueError(
                f"group={self.group!r} cannot turn arrows into any direction; use 'C4' or 'D4'"
            )

    @property
    def unit(self) -> int:
        """Both sides of a page must be multiples of this, px."""
        return 2 * 2 ** len(self.trunk.stages)

    def to_dict(self) -> dict:
        """Convert to values that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> LineNetConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "trunk": DBNetConfig.from_dict(values["trunk"])})


class Features(Trunk):
    """Features of upright text: `(B, 3, H, W)` to `(B, dim, H / 2, W / 2)`, from 0 up."""

    def __init__(self, config: DBNetConfig, dim: int) -> None:
        super().__init__(config)
        self.head = nn.Sequential(
            nn.Conv2d(config.neck_dim, dim, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(dim, dim, 2, stride=2),
            nn.ReLU(),
        )

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C H2 W2"]:
        return self.head(self.features(pixels))


class LineNet(OrientedMaps):
    """Maps of a page's lines from its pixels: `(B, 3, H, W)` in [-1, 1], RGB, to `Maps`.

    `H` and `W` must be multiples of `config.unit`; resize a page, since padding one side would
    break the symmetry.

    Raises:
        ValueError: Sizes that are not multiples of `config.unit`.
    """

    takes, gives = "image", ("image", "image", "vectors", "image")

    def __init__(self, config: LineNetConfig | None = None) -> None:
        config = config or LineNetConfig()
        group = group_from_name(config.group)
        features = LiftingOrbit(Features(config.trunk, config.dim), group)
        # blank paper, and lines of a usual height
        super().__init__(features, config.dim, group, first=(-2.0, -3.0, math.log(24)))
        self.config, self.arrows = config, Arrows(group)

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> Maps:
        self._check(pixels)
        maps, scores = self.speak(pixels)
        core, end, height = maps.unbind(-1)
        return Maps(core, end, self.arrows(scores), height)

    def _check(self, pixels: Tensor) -> None:
        rows, columns = pixels.shape[-2:]
        unit = self.config.unit
        if rows % unit or columns % unit:
            raise ValueError(
                f"size {rows}x{columns} breaks equivariance: both sides must be multiples of "
                f"{unit}; resize the page, since padding on one side breaks it too"
            )
