"""Images of any kind as tensors: loading them, and giving them the reader's size.

Both steps work in floating point. Eight-bit rounding between them would cost the reader its
symmetry: a turned image would no longer give the turned pixels.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from isotrope.io.images import ImageSource, load_unit
from isotrope.io.resize import target_size


def load_image(source: ImageSource) -> torch.Tensor:
    """Any image as RGB: `isotrope.io.images.load_unit` as a tensor.

    Args:
        source: As in `load_unit`.

    Returns:
        (3, H, W), float32 in [0, 1].

    Raises:
        ImageError: It is missing, empty, broken, cut short, no image, or has too many pixels.
        TypeError: `source` is none of the types that are taken.
    """
    return torch.from_numpy(load_unit(source)).movedim(-1, 0).contiguous()


def prepare(image: torch.Tensor, height: int, stride: int, max_ratio: float) -> torch.Tensor:
    """Resize for the reader, to `isotrope.io.resize.target_size`.

    Which side is short is all that matters, never which is vertical, so `prepare` commutes with
    quarter turns and mirrors up to float rounding. `isotrope.io.resize.prepare_pixels` is its twin
    for arrays of 8 bits.

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
    # In float32 the positions of the filter taps are off by 1e-3 px in the far end of a long
    # line, and not by the same amount when it is turned half-way round.
    resized = functional.interpolate(
        image[None].double().contiguous(),
        size=size,
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    return resized[0].float()
