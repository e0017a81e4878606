"""JPEG artifacts in batches: an 8 x 8 cosine transform with rounded coefficients."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.data.augment.draws import chosen, severities, uniform

_SIDE = 8
# ITU-T T.81, tables K.1 and K.2: quantization steps for luminance and color at quality 50.
_LUMA_STEPS = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_COLOR_STEPS = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip
_TO_YCBCR = (
    (0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312),
)  # fmt: skip
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def blocking(images: Tensor, generator: torch.Generator, severity: float | Tensor = 1.0) -> Tensor:
    """Compress 70% of the images `(B, 3, H, W)` at severity 1, at JPEG qualities 20 to 95."""
    severity = severities(severity, images)
    at = chosen(generator, 0.7 * severity)
    if not len(at):
        return images
    top, left = torch.randint(_SIDE, (2,), generator=generator, device=generator.device).tolist()
    quality = 95 - 75 * uniform(generator, len(at)) ** 1.5
    result = images.clone()
    result[at] = jpeg(images[at], quality, (top, left))
    return result


def jpeg(images: Tensor, quality: Tensor, corner: tuple[int, int] = (0, 0)) -> Tensor:
    """Apply JPEG's rounding to images `(B, 3, H, W)` at qualities `(B,)` of 1 to 100.

    Color is kept at half the resolution. `corner`: how many pixels of the first block, above and
    to the left, lie outside the image, each below 8.
    """
    height, width = images.shape[-2:]
    top, left = corner
    bottom, right = -(height + top) % (2 * _SIDE), -(width + left) % (2 * _SIDE)
    planes = torch.einsum("dc,bchw->bdhw", images.new_tensor(_TO_YCBCR), 255 * images)
    planes = functional.pad(planes, (left, right, top, bottom), mode="replicate")
    luma = _rounded(planes[:, :1] - 128, quality, _LUMA_STEPS) + 128
    color = _rounded(functional.avg_pool2d(planes[:, 1:], 2), quality, _COLOR_STEPS)
    color = functional.interpolate(color, scale_factor=2, mode="bilinear")
    planes = torch.cat((luma, color), dim=1)
    planes = planes[:, :, top : top + height, left : left + width]
    return torch.einsum("dc,bchw->bdhw", images.new_tensor(_TO_RGB) / 255, planes).clamp_(0, 1)


def _rounded(planes: Tensor, quality: Tensor, steps: tuple[int, ...]) -> Tensor:
    """Round the block coefficients of planes `(B, C, H, W)` with sides that are multiples of 8."""
    count, channels, height, width = planes.shape
    rows, columns = height // _SIDE, width // _SIDE
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    table = (planes.new_tensor(steps) * scale[:, None]).round().clamp(1, 255)[:, None]  # (B, 1, 64)
    waves = _cosines(planes)
    blocks = planes.reshape(count * channels, rows, _SIDE, columns, _SIDE).transpose(2, 3)
    blocks = blocks.reshape(-1, _SIDE**2) @ waves.T  # one block per row
    blocks = blocks.reshape(count, -1, _SIDE**2).div_(table).round_().mul_(table)
    blocks = (blocks.reshape(-1, _SIDE**2) @ waves).reshape(-1, rows, columns, _SIDE, _SIDE)
    return blocks.transpose(2, 3).reshape(planes.shape)


def _cosines(like: Tensor) -> Tensor:
    """Orthonormal cosine transform of 8 x 8 pixels: `(64, 64)`, one frequency per row."""
    steps = torch.arange(_SIDE, device=like.device, dtype=like.dtype)
    waves = torch.cos(math.pi / _SIDE * steps[:, None] * (steps + 0.5)) * math.sqrt(2 / _SIDE)
    waves[0] /= math.sqrt(2)
    return torch.einsum("ky,lx->klyx", waves, waves).reshape(_SIDE**2, _SIDE**2)
