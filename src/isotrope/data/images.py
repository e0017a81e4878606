"""Load images of any kind as tensors, and resize them for the reader.

Both steps work in floating point. Rounding to 8 bits in between would break the reader's symmetry:
a turned image would no longer give the turned pixels.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from isotrope.io.images import ImageSource, load_unit
from isotrope.io.resize import target_size


def load_image(source: ImageSource) -> torch.Tensor:
    """Load any image as an RGB tensor, with `isotrope.io.images.load_unit`.

    Args:
        source: As in `load_unit`.

    Returns:
        (3, H, W), float32 in [0, 1].

    Raises:
        ImageError: The image is missing, empty, broken, truncated, or too large, or is not an
            image.
        TypeError: `source` has an unsupported type.
    """
    return torch.from_numpy(load_unit(source)).movedim(-1, 0).contiguous()


def prepare(image: torch.Tensor, height: int, stride: int, max_ratio: float) -> torch.Tensor:
    """Resize for the reader to `isotrope.io.resize.target_size`.

    Only which side is shorter matters, not which is vertical, so `prepare` commutes with quarter
    turns and mirrors up to float rounding. `isotrope.io.resize.prepare_pixels` is the equivalent
    for 8-bit arrays.

    Args:
        image: (3, H, W), float in [0, 1].
        height, stride, max_ratio: As in `target_size`.

    Returns:
        (3, h, w), float32 in [0, 1]. Not normalized: the model does that.

    Raises:
        ImageError: The image is under 2 px on a side, or longer than `max_ratio`.
    """
    rows, columns = image.shape[-2:]
    size = target_size((rows, columns), height, stride, max_ratio)
    # In float32, filter taps at the far end of a long line are off by 1e-3 px, and by a different
    # amount when the line is turned by 180 degrees.
    resized = functional.interpolate(
        image[None].double().contiguous(),
        size=size,
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    return resized[0].float()
