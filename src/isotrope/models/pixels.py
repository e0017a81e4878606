"""Images as dense models take them: their contrast stretched, their sides fitted to the strides."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DARKEST, BRIGHTEST = 0.01, 0.998
"""Shares of an image's values that become 0 and 1 at most and at least, as StarDist has them."""


def one_image(image: Tensor) -> Tensor:
    """An image `(C, H, W)` in a type that torch can turn.

    Raises:
        ValueError: no image: another shape, such as a batch, no pixels, or a value that is not
            finite.
    """
    if image.ndim != 3 or not image.numel():
        raise ValueError(f"shape {tuple(image.shape)} is not an image; give one, (C, H, W)")
    image = image.int() if image.dtype == torch.uint16 else image
    if not image.isfinite().all():
        raise ValueError("a value of the image is not finite; give numbers, such as 0")
    return image


def check_can_read(model: nn.Module, channels: int, image: Tensor) -> None:
    """Raise ValueError if the model is in training mode, or takes an image of other channels.

    What is a tensor and no image is left to `one_image`.

    Raises:
        TypeError: The image is no tensor.
    """
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{type(image).__name__} is no tensor; give a tensor (C, H, W), such as "
            "torch.from_numpy(pixels).movedim(-1, 0) of an array (H, W, C)"
        )
    if model.training:
        raise ValueError("the model is in training mode; call its eval() first")
    if image.ndim == 3 and len(image) != channels:
        moved = ", such as image.movedim(-1, 0)" if image.shape[2] == channels else ""
        raise ValueError(
            f"shape {tuple(image.shape)} has {len(image)} channels and the model takes "
            f"{channels}; give (C, H, W){moved}"
        )


def contrast(image: Tensor) -> tuple[float, float]:
    """The values of an image that `stretched` maps to 0 and 1; the second is larger.

    Order statistics, so they are the same, to the bit, for every turn.
    """
    values = image.flatten().double().sort().values
    low, high = (float(values[int(share * (len(values) - 1))]) for share in (DARKEST, BRIGHTEST))
    return low, max(high, low + 1e-3)


def stretched(image: Tensor, between: tuple[float, float] | None = None) -> Tensor:
    """`(image - low) / (high - low)` as float32, with `contrast(image)` unless given."""
    low, high = between or contrast(image)
    return (image.float() - low) / (high - low)


def like_weights(image: Tensor, network: object) -> Tensor:
    """An image on the device and in the dtype of a network's weights, if it has any."""
    like = first_weight(network) if isinstance(network, nn.Module) else None
    return image if like is None else image.to(like)


def first_weight(network: nn.Module) -> Tensor | None:
    """A network's first parameter that is a float; None: it has none."""
    return next((each for each in network.parameters() if each.is_floating_point()), None)


def fitted(image: Tensor, unit: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """An image `(B, C, H, W)` whose sides are multiples of `unit`, and what undoes it for maps.

    Each side is padded alike at both ends with the values of its border. If an odd side can fit no
    even unit that way, the image is first resized by one pixel. Both commute with turns.
    """
    rows, columns = image.shape[-2:]
    even = [fitting(side, unit) for side in (rows, columns)]
    if even != [rows, columns]:
        image = F.interpolate(image, even, mode="bilinear", align_corners=False)
    down, across = (_padding(side, unit) for side in even)
    padded = F.pad(image, (across, across, down, down), mode="replicate")

    def undo(maps: Tensor) -> Tensor:
        maps = maps[..., down : down + even[0], across : across + even[1]]
        if even == [rows, columns]:
            return maps
        return F.interpolate(maps, (rows, columns), mode="bilinear", align_corners=False)

    return padded, undo


def fitting(side: int, unit: int) -> int:
    """The side of an image that padding at both ends alike makes a multiple of `unit`."""
    return side + 1 if side % 2 and unit % 2 == 0 else side


def _padding(side: int, unit: int) -> int:
    """Pixels to add at each of both ends."""
    missing = -side % unit
    return (missing if missing % 2 == 0 else missing + unit) // 2
