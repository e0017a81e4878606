"""Images in bounded numbers at a time, a bad one reported in its place. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from isotrope.io.images import ImageError, ImageSource, image_sources, load_pixels

PIXELS = 1 << 24
"""The most pixels that a window holds, unless one image alone has more: 48 MiB."""


def check_size(pixels: np.ndarray) -> None:
    """Refuse an image that is too small to hold text.

    Raises:
        ImageError: It is under 2 px on a side.
    """
    rows, columns = pixels.shape[:2]
    if min(rows, columns) < 2:
        raise ImageError(
            f"{columns}x{rows} px: too small to read; both sides must be at least 2 px"
        )


def loaded(
    images: ImageSource | Iterable[ImageSource],
    check: Callable[[np.ndarray], None] = check_size,
) -> Iterator[np.ndarray | ImageError]:
    """Each image as (H, W, 3), uint8 RGB, or the error that says why there is none.

    Args:
        images: One image, or an iterable of images, of any kind that `load_pixels` takes.
        check: Raises `ImageError` for an image that is not wanted.

    Yields:
        Pixels; or an error, which names the file or the place in `images`.
    """
    for index, source in enumerate(image_sources(images)):
        try:
            pixels = _loaded(source)
            check(pixels)
            yield pixels
        except ImageError as error:
            path = isinstance(source, (str, Path))
            yield error.named(str(source) if path else f"images[{index}]")


def windows(
    images: Iterable[np.ndarray | ImageError], first: int, most: int
) -> Iterator[list[np.ndarray | ImageError]]:
    """Images in lists, in their order: short lists at first, so that the first results come soon.

    Args:
        images: (H, W, 3), or errors.
        first: The most images in the first list. Each may hold twice as many as the one before.
        most: The most images in any list, which holds at most `PIXELS` too.
    """
    window: list[np.ndarray | ImageError] = []
    held, count = 0, min(first, most)
    for image in images:
        size = 0 if isinstance(image, ImageError) else image.shape[0] * image.shape[1]
        if window and held + size > PIXELS:
            yield window
            window, held = [], 0
        window.append(image)
        held += size
        if len(window) == count:
            yield window
            window, held, count = [], 0, min(2 * count, most)
    if window:
        yield window


def _loaded(source: ImageSource) -> np.ndarray:
    """`load_pixels`, for which something that is no image at all is one more bad image."""
    try:
        return load_pixels(source)
    except TypeError as error:
        raise ImageError(str(error)) from error
