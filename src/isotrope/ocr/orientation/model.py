"""The finder's network, which scores how upright an image is, at all four turns.

The trunk is the first part of PP-OCRv6-tiny, whose filters have seen millions of lines. Applied to
the C4 orbit of the image (`nn.Orbit`), any network is an equivariant front end: a turn of the image
permutes the four scores exactly, whatever the trunk's strides and paddings.
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
    """Configuration of an `UprightNet`; `stages` are as in `LineRecognizerConfig`."""

    stages: tuple[StageConfig, ...] = (StageConfig(48, 2), StageConfig(96, 2), StageConfig(160, 1))
    hidden: int = 128

    def to_dict(self) -> dict:
        """Convert to values that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> FinderConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "stages": stages_from(values["stages"])})


class UprightNet(nn.Module):
    """Scores how upright an image is, and measures its slant.

    Maps `(B, 3, H, W)` in [-1, 1], blue first, to `(B, 3)`: the score, and the slant as an
    unnormalized direction `(cos, sin)`, counter-clockwise within +-45 degrees, which is meaningful
    if the image is within 45 degrees of upright. All three are means over positions, so on a page
    the lines vote and blank paper abstains.
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
        """Output at each position: `(B, 3, H/16, W/4)`, rounded up."""
        return self.say(self.head(self.blocks(self.stem(pixels))))

    def begin_with(self, reader: LineRecognizer) -> None:
        """Copy the filters of a recognizer with the same stem and widths."""
        ours, theirs = self.state_dict(), reader.state_dict()
        shared = {k: v for k, v in theirs.items() if k in ours and v.shape == ours[k].shape}
        renamed = {k: theirs[t] for k, t in self._blocks_of(reader).items()}
        self.load_state_dict({**ours, **shared, **renamed})

    def _blocks_of(self, reader: LineRecognizer) -> dict[str, str]:
        """Map our blocks' names to the reader's, stage by stage, as depths may differ."""
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
    """Outputs of the net `(B, 4, 3)` for the images turned back by 0, 90, 180 and 270 degrees.

    Entry `k` is for the images turned by `-90 k` degrees counter-clockwise; it is high if the text
    is turned by `90 k`. If the images are elongated by more than `lying`, the text is taken to run
    along the long side, and only the two matching turns are scored, `(B, 2, 3)`: the first and
    third, or the second and fourth.
    """
    rows, columns = pixels.shape[2:]
    if max(rows, columns) > lying * min(rows, columns):
        first = pixels if columns >= rows else pixels.rot90(-1, (2, 3))
        return torch.stack(net(torch.cat([first, first.rot90(2, (2, 3))])).chunk(2), dim=1)
    flat = net(torch.cat([pixels, pixels.rot90(2, (2, 3))]))
    side = net(torch.cat([pixels.rot90(-1, (2, 3)), pixels.rot90(1, (2, 3))]))
    (up, down), (left, right) = flat.chunk(2), side.chunk(2)
    return torch.stack([up, left, down, right], dim=1)
