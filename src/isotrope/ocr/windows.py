"""Load images in bounded windows, with errors in the place of bad images. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from isotrope.io.images import ImageError, ImageSource, image_sources, load_pixels

PIXELS = 1 << 24
"""Maximum number of pixels in a window, unless a single image has more: 48 MiB."""


def check_size(pixels: np.ndarray) -> None:
    """Reject an image that is too small to contain text.

    Raises:
        ImageError: The image is under 2 px on a side.
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
    """Load each image as (H, W, 3), uint8 RGB, or yield the error if it cannot be loaded.

    Args:
        images: One image, or an iterable of images, of any kind that `load_pixels` takes.
        check: Raises `ImageError` for unsuitable images.

    Yields:
        Pixels; or an error, which names the file or the position in `images`.
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
    """Group images into lists, in order; the first lists are short, for early first results.

    Args:
        images: (H, W, 3), or errors.
        first: Maximum number of images in the first list; the maximum doubles with each list.
        most: Maximum number of images in any list, which is also limited to `PIXELS`.
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
    """Like `load_pixels`, but raise `ImageError` for unsupported types too."""
    try:
        return load_pixels(source)
    except TypeError as error:
        raise ImageError(str(error)) from error
