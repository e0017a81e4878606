"""Load images in bounded windows, with errors in the place of bad images. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from isotrope.io.errors import TOO_LARGE
from isotrope.io.images import ImageError, ImageSource, image_sources, load_pixels
from isotrope.io.resize import turn

Given = TypeVar("Given")
T = TypeVar("T")

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


def turned(
    images: ImageSource | Iterable[ImageSource],
    turns: Sequence[int],
    check: Callable[[np.ndarray], None],
) -> Iterator[np.ndarray | ImageError]:
    """Yield each image at each turn, or its error for each turn; see `loaded`.

    Args:
        turns: Degrees counter-clockwise, multiples of 90.
    """
    for pixels in loaded(images, check):
        if isinstance(pixels, ImageError):
            yield from [pixels] * len(turns)
        else:
            yield from (turn(pixels, degrees) for degrees in turns)


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


def read_each(
    read: Callable[[Sequence[Given], int], list[T]],
    images: Sequence[Given],
    batch_size: int,
) -> list[T | ImageError]:
    """Read images together; one by one if there is too little memory for all of them.

    Args:
        read: Maps images and a batch size to one result each.
        images: (H, W, 3) each, or what `read` takes for each.
        batch_size: How many go through a model at once.

    Returns:
        The results; an error for an image that takes too much memory by itself.
    """
    try:
        return [*read(images, batch_size)]
    except MemoryError:
        if len(images) == 1:
            return [ImageError(TOO_LARGE)]
    return [each for image in images for each in read_each(read, [image], 1)]


def _loaded(source: ImageSource) -> np.ndarray:
    """Like `load_pixels`, but raise `ImageError` for unsupported types too."""
    try:
        return load_pixels(source)
    except TypeError as error:
        raise ImageError(str(error)) from error


def raised(result: T | ImageError) -> T:
    """Raise an error that stands in the place of a result."""
    if isinstance(result, ImageError):
        raise result
    return result
