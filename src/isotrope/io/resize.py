"""Resize, turn and rotate images.

Resizing works in floating point. Rounding to 8 bits between its two passes would break the
symmetry: resizing a turned image would no longer give the turned pixels.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from isotrope.io.images import ImageError

_BAND = 1 << 22
"""Number of pixels that are averaged at once."""


def target_size(
    size: tuple[int, int], height: int, stride: int, max_ratio: float
) -> tuple[int, int]:
    """Compute the size at which the reader takes an image; its short side becomes `height`.

    The long side keeps the aspect ratio, rounded to the nearest multiple of `stride`. It does not
    matter which side is vertical.

    Args:
        size: (H, W) of the image, px.
        height: The short side of the result, px; a multiple of `stride`.
        stride: Both sides of the result are multiples of this, px.
        max_ratio: The largest ratio of long to short side that is accepted.

    Returns:
        (h, w), px.

    Raises:
        ImageError: The image is under 2 px on a side, or longer than `max_ratio`.
    """
    rows, columns = size
    short, long = min(size), max(size)
    if short < 2:
        raise ImageError(
            f"{columns}x{rows} px: too small to read; both sides must be at least 2 px"
        )
    if long > max_ratio * short:
        shape = "longer than high" if columns > rows else "higher than wide"
        raise ImageError(
            f"{columns}x{rows} px is {long / short:.4g} times {shape}; the reader takes up to "
            f"{max_ratio:g}: cut it into lines or words"
        )
    # Halves round up, in integer arithmetic; `round` would round them to even.
    steps = (2 * long * height + short * stride) // (2 * short * stride)
    other = max(height, steps * stride)
    return (height, other) if columns >= rows else (other, height)


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize by an antialiased triangle filter, one axis after the other.

    An axis that shrinks by s > 1 has the weights max(0, 1 - |x| / s); other axes are interpolated
    linearly. Commutes with quarter turns and mirrors up to float rounding.

    Args:
        pixels: (H, W, 3), uint8.
        size: (h, w) of the result, px.

    Returns:
        (h, w, 3), float32 in [0, 1].

    Raises:
        ValueError: `pixels` has another type or shape, or `size` is under 1 px on a side.
    """
    _check(pixels)
    rows, columns = size
    if rows < 1 or columns < 1:
        raise ValueError(f"size={size} must be at least 1 px on a side; give (rows, columns)")
    resized = np.empty((rows, columns, 3), np.float32)
    for channel in range(3):
        band = Image.fromarray(np.ascontiguousarray(pixels[..., channel])).convert("F")
        grey = band.resize((columns, rows), Image.Resampling.BILINEAR)
        np.divide(np.asarray(grey), np.float32(255), out=resized[..., channel])
    return resized


def reduced(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Average blocks of pixels, so that a much smaller size can be had with little memory.

    Args:
        pixels: (H, W, 3), uint8; it may be a view.
        size: (h, w) that the result is to be resized to, px.

    Returns:
        The image shrunk by the largest whole factor that leaves at least twice `size`, (H', W', 3),
        uint8; the image itself if that is 1.
    """
    factor = min(side // (2 * least) for side, least in zip(pixels.shape[:2], size, strict=True))
    if factor < 2:
        return pixels
    step = factor * max(1, _BAND // (factor * pixels.shape[1]))
    bands = (pixels[start : start + step] for start in range(0, len(pixels), step))
    small = (Image.fromarray(np.ascontiguousarray(band)).reduce(factor) for band in bands)
    return np.concatenate([np.asarray(band) for band in small])


def prepare_pixels(pixels: np.ndarray, height: int, stride: int, max_ratio: float) -> np.ndarray:
    """Resize for the reader: `resize` to `target_size`.

    Args:
        pixels: (H, W, 3), uint8, from `isotrope.io.images.load_pixels`.
        height, stride, max_ratio: As in `target_size`.

    Returns:
        (h, w, 3), float32 in [0, 1]. Not normalized: the model does that.

    Raises:
        ImageError: The image is under 2 px on a side, or longer than `max_ratio`.
        ValueError: `pixels` has another type or shape.
    """
    _check(pixels)
    return resize(pixels, target_size(pixels.shape[:2], height, stride, max_ratio))


def turn(pixels: np.ndarray, degrees: int) -> np.ndarray:
    """Turn counter-clockwise by quarter turns, exactly.

    Args:
        pixels: (H, W, ...), of any type.
        degrees: A multiple of 90, positive or negative.

    Returns:
        (H, W, ...) or (W, H, ...), C-contiguous.

    Raises:
        ValueError: `degrees` is not a multiple of 90.
    """
    if degrees % 90:
        raise ValueError(f"degrees={degrees} must be a multiple of 90; use rotate for other angles")
    return np.ascontiguousarray(np.rot90(pixels, int(degrees // 90)))


def rotate(
    pixels: np.ndarray, degrees: float, fill: tuple[int, int, int] | None = None
) -> np.ndarray:
    """Rotate counter-clockwise by any angle, bicubically, and keep the whole image.

    Args:
        pixels: (H, W, 3), uint8.
        degrees: The angle, positive or negative.
        fill: The color of the exposed corners. By default the per-channel median of the border
            pixels, which is the paper's color if the text does not touch the border.

    Returns:
        (H', W', 3), uint8: the bounding box of the rotated image.

    Raises:
        ValueError: `pixels` has another type or shape, or `degrees` is not finite.
    """
    _check(pixels)
    if not math.isfinite(degrees):
        raise ValueError(f"degrees={degrees} must be finite; give an angle in degrees")
    color = _border_median(pixels) if fill is None else tuple(int(value) for value in fill)
    rotated = Image.fromarray(pixels).rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=color
    )
    return np.array(rotated)


def _border_median(pixels: np.ndarray) -> tuple[int, ...]:
    # Each side omits its last pixel, which is the first of the next side.
    sides = (pixels[0, :-1], pixels[:-1, -1], pixels[-1, 1:], pixels[1:, 0])
    border = np.concatenate(sides) if min(pixels.shape[:2]) > 1 else pixels.reshape(-1, 3)
    return tuple(int(value) for value in np.median(border, axis=0))


def _check(pixels: np.ndarray) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3 or pixels.size == 0:
        raise ValueError(
            f"pixels of type {pixels.dtype} and shape {pixels.shape}; they must be uint8 "
            "(H, W, 3): load them with load_pixels"
        )
