"""`DBNet`: the pretrained network that maps a page to the probability of text at each pixel.

The layers are those of PP-OCRv6's detectors, with batch norms folded into the convolutions: the
trunk of its recognizers with steps that halve both sides, a feature pyramid whose levels are
weighted by channel, and transposed convolutions back to the pixels of the page. It is trained to
mark the core of each line, its outline shrunk, so that lines stay apart (Liao et al., "Real-time
scene text detection with differentiable binarization", AAAI 2020). `published.py` loads the
published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from isotrope.ocr.recognition.model import BranchedStem, StageConfig, stage_blocks, stages_from

STRIDE = 32
"""Both sides of the pixels must be multiples of this."""


@dataclass(frozen=True)
class DBNetConfig:
    """Configuration of a `DBNet`.

    Args:
        stages: The trunk, at strides 4, 8, 16 and 32.
        neck_dim: Channels of each level of the pyramid.
        neck_kernel: Side of the depthwise filters that smooth a level; odd.
    """

    stages: tuple[StageConfig, ...]
    neck_dim: int
    neck_kernel: int

    @classmethod
    def small(cls) -> DBNetConfig:
        """Configuration of PP-OCRv6-small: 2.4M parameters."""
        return cls(_stages(48, 96, 192, 384), 96, 7)

    @classmethod
    def tiny(cls) -> DBNetConfig:
        """Configuration of PP-OCRv6-tiny: 0.4M parameters."""
        return cls(_stages(32, 48, 64, 160), 64, 5)

    def to_dict(self) -> dict:
        """Convert to values that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> DBNetConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "stages": stages_from(values["stages"])})


def _stages(*dims: int) -> tuple[StageConfig, ...]:
    depths = zip(dims, (2, 2, 4, 2), ((0,), (0,), (0, 2), (0,)), strict=True)
    return tuple(StageConfig(dim, depth, excited) for dim, depth, excited in depths)


class Trunk(nn.Module):
    """Features of pages at stride 4, from a trunk and a pyramid: all of a `DBNet` but its head."""

    def __init__(self, config: DBNetConfig) -> None:
        super().__init__()
        self.stem = BranchedStem(config.stages[0].dim)
        before = [None, *(stage.dim for stage in config.stages)]
        self.stages = nn.ModuleList(
            nn.Sequential(*stage_blocks(stage, dim, (2, 2)))
            for stage, dim in zip(config.stages, before, strict=False)
        )
        self.neck = Pyramid([s.dim for s in config.stages], config.neck_dim, config.neck_kernel)

    def features(self, pixels: Tensor) -> Tensor:
        """`(B, neck_dim, H / 4, W / 4)` of pages `(B, 3, H, W)` in [-1, 1]."""
        x, levels = self.stem(pixels), []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return self.neck(levels)


class DBNet(Trunk):
    """Maps pages to how likely each pixel belongs to the core of a line of text.

    Example:
        >>> model = DBNet(DBNetConfig.tiny())
        >>> model(torch.rand(2, 3, 64, 96)).shape
        torch.Size([2, 64, 96])
    """

    def __init__(self, config: DBNetConfig) -> None:
        super().__init__(config)
        self.config = config
        self.head = Head(config.neck_dim)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits `(B, H, W)` of pages `(B, 3, H, W)` in [-1, 1], blue first.

        H and W are multiples of `STRIDE`.
        """
        return self.head(self.features(pixels))[:, 0]


class Pyramid(nn.Module):
    """Levels joined from the coarsest to the finest (Lin et al. 2017), concatenated at stride 4."""

    def __init__(self, dims: Sequence[int], dim: int, kernel: int) -> None:
        super().__init__()
        # From the coarsest level to the finest, in the order of the published graph.
        self.inward = nn.ModuleList(
            nn.Sequential(nn.Conv2d(d, dim, 1, bias=False), Weighted(dim)) for d in reversed(dims)
        )
        self.outward = nn.ModuleList(Smooth(dim, dim // len(dims), kernel) for _ in dims)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Map the outputs of the stages to `(B, dim, H / 4, W / 4)`."""
        inward = [take(x) for take, x in zip(self.inward, reversed(levels), strict=True)]
        joined = [inward[0]]
        for level in inward[1:]:
            joined.append(level + functional.interpolate(joined[-1], scale_factor=2.0))
        scales = [2 ** (len(joined) - 1 - i) for i in range(len(joined))]
        smooth = [make(x) for make, x in zip(self.outward, joined, strict=True)]
        return torch.cat(
            [
                functional.interpolate(x, scale_factor=float(scale)) if scale > 1 else x
                for x, scale in zip(smooth, scales, strict=True)
            ],
            1,
        )


class Smooth(nn.Sequential):
    """A wide depthwise filter and fewer channels."""

    def __init__(self, dim: int, out: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(dim, dim, kernel, padding=kernel // 2, groups=dim),
            nn.Conv2d(dim, out, 1, bias=False),
            Weighted(out),
        )


class Weighted(nn.Module):
    """`x + w x`, where `w` weights channels by their means over the page (Hu et al. 2018)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.squeeze, self.weigh = nn.Conv2d(dim, dim // 4, 1), nn.Conv2d(dim // 4, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weigh(functional.relu(self.squeeze(x.mean((2, 3), keepdim=True))))
        # The published slope: torch's hardsigmoid has 1/6.
        return x + x * (0.2 * weight + 0.5).clamp(0, 1)


class Head(nn.Sequential):
    """Logits at the pixels of the page, by two transposed convolutions that double both sides."""

    def __init__(self, dim: int) -> None:
        quarter = dim // 4
        super().__init__(
            nn.Conv2d(dim, quarter, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(quarter, quarter, 2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(quarter, 1, 2, stride=2),
        )
