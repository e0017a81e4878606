"""A frame and a rotation of planes in one product. The plain twin does one after the other.

The product with a frame twice as wide gives each token and its quarter turn side by side, without
the copies needed to swap halves of the channels.
"""

# torch leaves some of its functions untyped, such as `unflatten` and `split`:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from isotrope.nn.fast.switch import enabled


def quarter_turn(tokens: Tensor, planes: int) -> Tensor:
    """Turns each plane by 90 degrees: `(real, imaginary, rest) -> (-imaginary, real, 0)`."""
    still = tokens.shape[-1] - 2 * planes
    real, imaginary, _ = tokens.split((planes, planes, still), dim=-1)
    return F.pad(torch.cat((-imaginary, real), dim=-1), (0, still))


def prepared(frame: Tensor, planes: int) -> Tensor:
    """The frame `(.., d, d)` for `rotated`: twice as wide, or unchanged for the plain twin."""
    if not enabled():
        return frame
    return torch.cat((frame, quarter_turn(frame, planes)), dim=-1)


def rotated(tokens: Tensor, frame: Tensor, cos: Tensor, sin: Tensor, planes: int) -> Tensor:
    """`R P t`: `t P^T = tokens @ frame`, then each plane turned by its angle at each position."""
    if frame.shape[-1] == cos.shape[-1]:
        return plain_rotated(tokens, frame, cos, sin, planes)
    return rotated_by_one_product(tokens, frame, cos, sin)


def plain_rotated(tokens: Tensor, frame: Tensor, cos: Tensor, sin: Tensor, planes: int) -> Tensor:
    """`cos * P t + sin * quarter_turn(P t)`, as in RoPE."""
    turned = tokens @ frame
    return turned * cos + quarter_turn(turned, planes) * sin


def rotated_by_one_product(tokens: Tensor, doubled: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The same result from a frame `(.., d, 2 d)` made by `prepared`."""
    straight, crossed = (tokens @ doubled).chunk(2, dim=-1)
    return torch.addcmul(straight * cos, crossed, sin)
