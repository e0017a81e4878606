"""`LineRecognizer`: the pretrained network that reads upright lines.

The layers are those of PP-OCRv6's recognizers, with batch norms folded into the convolutions:
depthwise filters and pointwise feed-forwards that halve the height and keep the width, then a neck
over columns and a linear CTC head. `published.py` loads the published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

Stride = tuple[int, int]


@dataclass(frozen=True)
class StageConfig:
    """Blocks at one height: `dim` channels, and which of the `depth` blocks see the whole line."""

    dim: int
    depth: int
    excited: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class LineRecognizerConfig:
    """Configuration of a `LineRecognizer`.

    Args:
        charset: the characters, in the order of their classes.
        stem: "branched" (small) or "plain" (tiny).
        stages: each after the first halves the height.
        neck: "attention" (small) or "conv" (tiny).
        neck_dim: channels per column.
    """

    charset: str
    stem: str
    stages: tuple[StageConfig, ...] = field(default=())
    neck: str = "attention"
    neck_dim: int = 120

    @classmethod
    def small(cls, charset: str) -> LineRecognizerConfig:
        """Configuration of PP-OCRv6-small: 3.0M parameters without the head."""
        stages = (StageConfig(96, 3), StageConfig(192, 6, (0, 2, 4)), StageConfig(384, 2))
        return cls(charset, "branched", stages, "attention", 120)

    @classmethod
    def tiny(cls, charset: str) -> LineRecognizerConfig:
        """Configuration of PP-OCRv6-tiny: 0.5M parameters without the head."""
        stages = (StageConfig(48, 2), StageConfig(96, 2), StageConfig(160, 3))
        return cls(charset, "plain", stages, "conv", 80)

    def to_dict(self) -> dict:
        """Convert to values that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> LineRecognizerConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "stages": stages_from(values["stages"])})


class LineRecognizer(nn.Module):
    """Maps upright lines to characters: one distribution per column of 8 pixels.

    Example:
        >>> model = LineRecognizer(LineRecognizerConfig.tiny("abc"))
        >>> model(torch.rand(2, 3, 48, 160)).shape
        torch.Size([2, 20, 4])
    """

    def __init__(self, config: LineRecognizerConfig) -> None:
        super().__init__()
        self.config = config
        first, dim = config.stages[0].dim, config.stages[-1].dim
        self.stem = BranchedStem(first) if config.stem == "branched" else PlainStem(first)
        self.blocks = trunk(config.stages)
        neck = AttentionNeck if config.neck == "attention" else ConvNeck
        self.neck = neck(dim, config.neck_dim)
        self.head = nn.Linear(config.neck_dim, len(config.charset) + 1)

    @property
    def charset(self) -> str:
        """The characters of the classes from 1 on, with those that an adapter adds."""
        return self.config.charset + getattr(self.head, "characters", "")

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits `(B, W/8, classes)` of lines `(B, 3, 48, W)` in [-1, 1], blue first.

        W is a multiple of 8.
        """
        return self.head(self.features(pixels))

    def features(self, pixels: Tensor) -> Tensor:
        """Input of the head: `(B, W/8, neck_dim)`."""
        rows = self.blocks(self.stem(pixels))  # (B, C, 3, W/4)
        return self.neck(functional.avg_pool2d(rows, (3, 2)))


def stages_from(values: Sequence[dict]) -> tuple[StageConfig, ...]:
    """Make stages from dictionaries, as stored by `asdict` or JSON."""
    return tuple(StageConfig(s["dim"], s["depth"], tuple(s["excited"])) for s in values)


def trunk(stages: Sequence[StageConfig]) -> nn.Sequential:
    """Make the blocks of all stages, with a step that halves the height between stages."""
    dims = [None, *(stage.dim for stage in stages)]
    parts = [stage_blocks(stage, dim) for stage, dim in zip(stages, dims, strict=False)]
    return nn.Sequential(*(block for part in parts for block in part))


def stage_blocks(stage: StageConfig, before: int | None, stride: Stride = (2, 1)) -> list[Block]:
    """Make the blocks of a stage.

    Args:
        stage: The stage.
        before: Channels of the stage before, from which a step leads here. None: this is the first.
        stride: That of the step, in rows and columns.
    """
    step = [] if before is None else [Block(before, stage.dim, stride=stride)]
    return step + [Block(stage.dim, stage.dim, i in stage.excited) for i in range(stage.depth)]


class PlainStem(nn.Sequential):
    """Two strided convolutions, which reduce the size to a quarter."""

    def __init__(self, dim: int) -> None:
        super().__init__(
            nn.Conv2d(3, dim // 2, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(dim // 2, dim, 3, stride=2, padding=1),
        )


class BranchedStem(nn.Module):
    """Reduces the size to a quarter, with max pooling beside 2x2 filters (PP-HGNet's stem)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        half = dim // 2
        self.first = nn.Conv2d(3, half, 3, stride=2, padding=1)
        self.narrow = nn.Conv2d(half, half // 2, 2)
        self.widen = nn.Conv2d(half // 2, half, 2)
        self.merge = nn.Conv2d(2 * half, half, 3, stride=2, padding=1)
        self.last = nn.Conv2d(half, dim, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        x = functional.relu(self.first(pixels))
        # Padding by one row and column at the far ends keeps the size under 2x2 filters.
        fine = functional.relu(self.narrow(functional.pad(x, (0, 1, 0, 1))))
        fine = functional.relu(self.widen(functional.pad(fine, (0, 1, 0, 1))))
        # Zero padding is right for the maximum: nothing after a ReLU is below zero.
        most = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 2, 1)
        x = functional.relu(self.merge(torch.cat([most, fine], 1)))
        return functional.relu(self.last(x))


class Block(nn.Module):
    """`y = dw(x)`, weighted by channel if `excited`; then `y + mlp(y)`, or `mlp(y)` in a step."""

    def __init__(self, dim: int, out: int, excited: bool = False, stride: Stride = (1, 1)) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, 3, stride, 1, groups=dim)
        self.excite = Excite(dim) if excited else nn.Identity()
        self.mlp = nn.Sequential(nn.Conv2d(dim, 2 * dim, 1), nn.GELU(), nn.Conv2d(2 * dim, out, 1))
        self.residual = stride == (1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.excite(self.depthwise(x))
        return x + self.mlp(x) if self.residual else self.mlp(x)


class Excite(nn.Module):
    """Squeeze and excitation: channels weighted by their means over the line (Hu et al. 2018)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.squeeze, self.weigh = nn.Conv2d(dim, dim // 4, 1), nn.Conv2d(dim // 4, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * functional.hardsigmoid(self.weigh(functional.relu(self.squeeze(mean))))


class AttentionNeck(nn.Module):
    """Convolution over neighboring columns, then attention to all, plus a skip (SVTR)."""

    def __init__(self, dim: int, out: int, heads: int = 8, depth: int = 2) -> None:
        super().__init__()
        self.beside = nn.Conv2d(dim, out, 1)
        self.reduce = nn.Conv2d(dim, out, 1)
        self.near = nn.Conv2d(out, out, (1, 7), padding=(0, 3), groups=out)
        self.blocks = nn.Sequential(*(AttentionBlock(out, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(out, eps=1e-6)

    def forward(self, columns: Tensor) -> Tensor:
        """Map `(B, dim, 1, W)` to `(B, W, out)`."""
        beside = functional.silu(self.beside(columns))
        x = functional.silu(self.reduce(columns))
        x = x + functional.silu(self.near(x))
        x = self.norm(self.blocks(x[:, :, 0].transpose(1, 2)))  # (B, W, out)
        return x + beside[:, :, 0].transpose(1, 2)


class AttentionBlock(nn.Module):
    """Pre-norm attention over all columns and a feed-forward."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim)
        self.qkv, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, dim = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, W, dim / heads) each
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out_proj(mixed.transpose(1, 2).reshape(batch, length, dim))
        return x + self.mlp(self.norm2(x))


class ConvNeck(nn.Module):
    """Convolutions over two neighboring columns each way, with fewer channels."""

    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        self.near = nn.Conv1d(dim, dim, 5, padding=2, groups=dim)
        self.mix = nn.Conv1d(dim, dim, 1)
        self.reduce = nn.Linear(dim, out)

    def forward(self, columns: Tensor) -> Tensor:
        """Map `(B, dim, 1, W)` to `(B, W, out)`."""
        x = functional.hardswish(self.near(columns[:, :, 0]))
        return self.reduce(functional.hardswish(self.mix(x)).transpose(1, 2))
