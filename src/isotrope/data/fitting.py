"""Fit images of any size into squares of one size, whole and in the middle."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

_TIE = 1e-6
"""Raises values that lie between two bytes: rounding errors must not decide which one is taken."""


def fitted(image: Float[Tensor, "C H W"], side: int) -> UInt8[Tensor, "C {side} {side}"]:
    """The image with its long side resized to `side`, and its short side padded on both ends.

    The padding has the median color of the image's border. The short side is rounded to a number
    that leaves the same padding on both ends, and nothing is rounded before the end, so fitting a
    turned or mirrored image gives the turned or mirrored square, byte for byte.

    Args:
        image: Values in [0, 1].
        side: Side of the square, px; 2 or more.

    Raises:
        ValueError: `side` is below 2.
    """
    if side < 2:
        raise ValueError(f"fit={side} is not the side of a square; give 2 pixels or more")
    rows, columns = image.shape[1:]
    short = _alike(side * min(rows, columns) / max(rows, columns), side)
    size = (side, short) if rows > columns else (short, side)
    if rows == columns:
        size = (side, side)
    # Not `interpolate`: its antialiasing repeats one value along images of one column (torch 2.13).
    resized = _weights(rows, size[0]) @ image.double() @ _weights(columns, size[1]).T
    square = _border(image).double()[:, None, None].repeat(1, side, side)
    top, left = (side - size[0]) // 2, (side - size[1]) // 2
    square[:, top : top + size[0], left : left + size[1]] = resized
    return (square * 255 + 0.5 + _TIE).floor().clamp(0, 255).to(torch.uint8)


def _weights(length: int, new: int) -> Tensor:
    """`(new, length)`: a triangle filter, as wide as the step between the new pixels, if wider."""
    step = length / new
    centers = (torch.arange(new, dtype=torch.float64) + 0.5) * step
    apart = torch.arange(length, dtype=torch.float64) + 0.5 - centers[:, None]
    weights = (1 - apart.abs() / max(1.0, step)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


def _alike(length: float, side: int) -> int:
    """The nearest whole number that is odd or even as `side` is, and at least 1."""
    low = int(length)
    if (low - side) % 2:
        low -= 1
    nearest = low if length - low < 1 else low + 2
    return max(nearest, 2 - side % 2)


def _border(image: Tensor) -> Tensor:
    """The median color of the border, `(C,)`."""
    edge = torch.ones(image.shape[1:], dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    return torch.from_numpy(np.median(image[:, edge].numpy(), axis=1))
