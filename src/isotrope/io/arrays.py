"""Convert arrays of any type to 8-bit or float RGB, compositing transparency over a background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isotrope.io.errors import ImageError

# Computed floats overshoot the unit range by rounding; anything beyond this means a different
# scale.
_OVERSHOOT = 1e-3
_LIGHT = 500 * 255  # half of white, in the units of `_LUMA`
_LUMA = (299, 587, 114)  # ITU-R BT.601, in thousandths
_BAND = 1 << 20  # px
_INK = 20  # less than 1/20 of what is visible does not count as ink


def with_channels(array: np.ndarray) -> np.ndarray:
    """Add a channel axis to (H, W); return (H, W, 1 | 3 | 4) as it is.

    Raises:
        ImageError: The array has another shape, or no pixels.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise ImageError(f"an array of shape {array.shape}; it must be (H, W) or (H, W, 1 | 3 | 4)")
    if array.size == 0:
        raise ImageError(f"{array.shape[1]}x{array.shape[0]} px: an image without pixels")
    return array


def as_pixels(array: np.ndarray, copy: bool = True) -> np.ndarray:
    """Convert to 8-bit RGB: `as_unit` times 255, rounded. uint8 stays in integers throughout.

    Args:
        array: (H, W, 1 | 3 | 4), of any type that `as_unit` takes.
        copy: Whether to copy an array that is 8-bit RGB already.

    Returns:
        (H, W, 3), uint8, C-contiguous.

    Raises:
        ImageError: As in `as_unit`.
    """
    if array.dtype != np.uint8 and array.shape[-1] == 1:
        array = np.rint(_unit_range(array) * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        return np.rint(as_unit(array) * 255).astype(np.uint8)
    if not copy and array.shape[-1] == 3:
        return np.ascontiguousarray(array)
    pixels = np.empty((*array.shape[:2], 3), np.uint8)
    if array.shape[-1] != 4:
        pixels[:] = array
        return pixels
    ground = np.uint8(255 * ground_of(array))
    for rows in _bands(array):
        apart = array[rows, :, :3] ^ ground  # from the background: x, or 255 - x over white
        over = apart.astype(np.uint16) * array[rows, :, 3:] + 127  # +127 rounds to nearest
        pixels[rows] = (over // 255).astype(np.uint8) ^ ground
    return pixels


def as_unit(array: np.ndarray) -> np.ndarray:
    """Convert to float RGB, compositing over the background that `ground_of` chooses.

    Args:
        array: (H, W, 1 | 3 | 4): bool, uint8, uint16, or float in [0, 1]; int32 and int64 with
            values of 0 to 255.

    Returns:
        (H, W, 3), float32 in [0, 1], C-contiguous, a copy.

    Raises:
        ImageError: The array has another type, or values of another scale.
    """
    unit = _unit_range(array)
    if unit.shape[-1] == 4:
        ground = ground_of(np.rint(unit * 255).astype(np.uint8))
        unit = unit[..., :3] * unit[..., 3:] + ground * (1 - unit[..., 3:])
    elif unit.shape[-1] == 1:
        unit = np.broadcast_to(unit, (*unit.shape[:2], 3))
    return np.require(unit, requirements=("C", "W"))


def ground_of(pixels: np.ndarray) -> int:
    """Choose the background of a transparent image: 1 for white, 0 for black.

    White, unless the visible content would vanish on it because nearly all of it, weighted by
    alpha, is lighter than half of white. The sums are over integers, so a turned image gets the
    same background.

    Args:
        pixels: (H, W, 4), uint8.
    """
    dark = visible = 0
    for rows in _bands(pixels):
        alpha = pixels[rows, :, 3]
        red, green, blue = (pixels[rows, :, i].astype(np.int32) * _LUMA[i] for i in range(3))
        dark += int(alpha[red + green + blue < _LIGHT].sum(dtype=np.int64))
        visible += int(alpha.sum(dtype=np.int64))
    return 0 if _INK * dark < visible else 1


def _bands(array: np.ndarray) -> Iterator[slice]:
    """Rows of an array, a million pixels at a time: temporary arrays stay small."""
    step = max(1, _BAND // array.shape[1])
    return (slice(start, start + step) for start in range(0, len(array), step))


def _unit_range(array: np.ndarray) -> np.ndarray:
    """Convert any supported type to a new float32 array in [0, 1]."""
    kind = array.dtype.kind + str(array.dtype.itemsize)
    white = {"b1": 1, "u1": 255, "u2": 65535}.get(kind)
    if white is not None:
        return array.astype(np.float32) / white
    if kind in ("i4", "i8"):
        low, high = array.min(), array.max()
        if low < 0 or high > 255:
            raise ImageError(
                f"{array.dtype} values from {low} to {high}; they must be in 0 to 255: rescale "
                "them, or give uint16"
            )
        return array.astype(np.float32) / 255
    if array.dtype.kind != "f":
        raise ImageError(
            f"an array of type {array.dtype}; it must be uint8, uint16, bool, or float in [0, 1]"
        )
    if not (array.min() >= -_OVERSHOOT and array.max() <= 1 + _OVERSHOOT):
        raise ImageError(
            f"float values from {array.min():.4g} to {array.max():.4g}; they must be in [0, 1]: "
            "divide by the value of white"
        )
    return array.astype(np.float32).clip(0, 1)
