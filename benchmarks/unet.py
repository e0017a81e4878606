"""A plain U-Net (Ronneberger et al. 2015) in torch, for comparison with equivariant ones."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from isotrope.groups import CyclicGroup


class UNet(nn.Module):
    """Maps at the resolution of the image: `(B, 3, H, W)` to `(B, maps, H, W)`.

    Two 3x3 convolutions with batch norm at each of four resolutions, down by maxima of 2x2 and up
    by transposed convolutions, with skips.

    Args:
        dim: Channels at full resolution; they double with each halving.
    """

    group, unit = CyclicGroup(1), 8
    takes, gives = "image", "image"

    def __init__(self, dim: int = 12, maps: int = 2) -> None:
        super().__init__()
        dims = [dim, 2 * dim, 4 * dim, 8 * dim]
        self.down = nn.ModuleList(
            _twice(before, after) for before, after in zip([3, *dims], dims, strict=False)
        )
        self.shrink = nn.MaxPool2d(2)
        pairs = list(zip(dims[1:], dims, strict=False))[::-1]
        self.grow = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(_twice(2 * b, b) for _, b in pairs)
        self.say = nn.Conv2d(dim, maps, 1)

    def forward(self, image: Tensor) -> Tensor:
        kept, x = [], image
        for number, down in enumerate(self.down):
            x = down(self.shrink(x) if number else x)
            kept.append(x)
        for grow, up, skip in zip(self.grow, self.up, kept[-2::-1], strict=True):
            x = up(torch.cat((skip, grow(x)), 1))
        return self.say(x)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        torch.save(self.state_dict(), Path(folder) / "weights.pt")


def _twice(before: int, after: int) -> nn.Sequential:
    def layer(dim: int) -> list[nn.Module]:
        return [nn.Conv2d(dim, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]

    return nn.Sequential(*layer(before), *layer(after))
