"""The finder's network: how upright an image looks, scored over its orbit.

The trunk is the beginning of PP-OCRv6-tiny, whose filters have seen millions of lines. The orbit of
any network under C4 is an equivariant front (`nn.Orbit`): turn the image and the four scores are
permuted, exactly, whatever strides and paddings the trunk has.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from isotrope.ocr.recognition.model import (
    LineRecognizer,
    PlainStem,
    StageConfig,
    stages_from,
    trunk,
)


@dataclass(frozen=True)
class FinderConfig:
    """An `UprightNet` as a value; `stages` as those of `LineRecognizerConfig`."""

    stages: tuple[StageConfig, ...] = (StageConfig(48, 2), StageConfig(96, 2), StageConfig(160, 1))
    hidden: int = 128

    def to_dict(self) -> dict:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> FinderConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "stages": stages_from(values["stages"])})


class UprightNet(nn.Module):
    """How upright an image stands, and by how much it is slanted.

    `(B, 3, H, W)` in [-1, 1], blue first, to `(B, 3)`: the score, and the slant as a direction
    `(cos, sin)` not normalized: degrees counter-clockwise within +-45, of use where the image is
    within 45 degrees of upright. All three are means over positions of what a position says, so
    that over a whole page the lines vote and blank paper abstains.
    """

    def __init__(self, config: FinderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FinderConfig()
        first, dim = config.stages[0].dim, config.stages[-1].dim
        self.stem = PlainStem(first)
        self.blocks = trunk(config.stages)
        self.head = nn.Sequential(nn.Conv2d(dim, config.hidden, 1), nn.GELU())
        self.say = nn.Conv2d(config.hidden, 3, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.positions(pixels).mean((2, 3))

    def positions(self, pixels: Tensor) -> Tensor:
        """What each position says: `(B, 3, H/16, W/4)`, rounded up."""
        return self.say(self.head(self.blocks(self.stem(pixels))))

    def begin_with(self, reader: LineRecognizer) -> None:
        """Take the filters of a recognizer of the same stem and widths."""
        ours, theirs = self.state_dict(), reader.state_dict()
        shared = {k: v for k, v in theirs.items() if k in ours and v.shape == ours[k].shape}
        renamed = {k: theirs[t] for k, t in self._blocks_of(reader).items()}
        self.load_state_dict({**ours, **shared, **renamed})

    def _blocks_of(self, reader: LineRecognizer) -> dict[str, str]:
        """Our blocks' names to the reader's, stage by stage: depths may differ."""
        names, ours, theirs = {}, 0, 0
        for number, (mine, other) in enumerate(
            zip(self.config.stages, reader.config.stages, strict=True)
        ):
            steps = 1 if number else 0
            for i in range(steps + mine.depth):
                prefix, given = f"blocks.{ours + i}.", f"blocks.{theirs + i}."
                for key in self.blocks[ours + i].state_dict():
                    names[prefix + key] = given + key
            ours += steps + mine.depth
            theirs += steps + other.depth
        return names


def orbit_scores(net: UprightNet, pixels: Tensor, lying: float) -> Tensor:
    """`(B, 4, 3)`: what the net says of the images turned back by 0, 90, 180 and 270 degrees.

    Entry `k` is that of the images turned by `-90 k` degrees counter-clockwise: it is high where
    the text stands turned by `90 k`. Images more than `lying` times longer than high lie along
    their long side: `(B, 2, 3)` for the two turns that do, the first and the third or the second
    and the fourth.
    """
    rows, columns = pixels.shape[2:]
    if max(rows, columns) > lying * min(rows, columns):
        first = pixels if columns >= rows else pixels.rot90(-1, (2, 3))
        return torch.stack(net(torch.cat([first, first.rot90(2, (2, 3))])).chunk(2), dim=1)
    flat = net(torch.cat([pixels, pixels.rot90(2, (2, 3))]))
    side = net(torch.cat([pixels.rot90(-1, (2, 3)), pixels.rot90(1, (2, 3))]))
    (up, down), (left, right) = flat.chunk(2), side.chunk(2)
    return torch.stack([up, left, down, right], dim=1)
