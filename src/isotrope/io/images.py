"""Load images of any kind as arrays of RGB pixels, in 8 bits or as floats."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

import numpy as np
from PIL import Image

from isotrope.io.arrays import as_pixels, as_unit, with_channels
from isotrope.io.errors import ImageError, enough_memory
from isotrope.io.opening import (
    decoded,
    file_of,
    frame,
    image_suffixes,
    opened,
    page_numbers,
)
from isotrope.io.walking import walk_images

if TYPE_CHECKING:
    import torch

__all__ = [
    "ImageError",
    "ImageSource",
    "find_images",
    "image_sources",
    "image_suffixes",
    "load_pixels",
    "load_unit",
]

NO_IMAGES = (
    "no images in this folder; it must hold PNG, JPEG, TIFF or other image files, not hidden"
)
"""The problem of a folder without images."""

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | np.ndarray | torch.Tensor"
)
"""The image types that `load_pixels` and `load_unit` accept."""


def load_pixels(source: ImageSource, copy: bool = True) -> np.ndarray:
    """Load any image as 8-bit RGB.

    Equals `load_unit` times 255, rounded. Each pixel is rounded on its own, so loading commutes
    with quarter turns and mirrors. 8-bit images are never converted to floats.

    Args:
        source: As in `load_unit`.
        copy: Whether to copy an array that is 8-bit RGB already.

    Returns:
        (H, W, 3), uint8, C-contiguous, a copy of its own unless `copy` is False.

    Raises:
        ImageError, TypeError: As in `load_unit`.
    """
    shared = isinstance(source, np.ndarray) or _is_tensor(source)
    with enough_memory(_name(source)):
        return as_pixels(_array(source), copy and shared)


def load_unit(source: ImageSource) -> np.ndarray:
    """Load any image as float RGB, at its full bit depth.

    The EXIF orientation is applied (unless the EXIF data is broken). Transparency is laid over
    white, or over black if nearly all of the visible content is light, as with white letters. An
    animation gives its first frame.

    Args:
        source: One of
            - a path to a file that Pillow reads, the bytes of such a file, or a binary file
              object, which is read from its start if it can be rewound;
            - a PIL image of any mode, at its current frame;
            - an array (H, W) or (H, W, 1 | 3 | 4): bool, uint8, uint16, or float in [0, 1]; int32
              and int64 with values of 0 to 255 are treated as uint8;
            - a torch tensor (H, W) or (1 | 3 | 4, H, W) of the same types.

    Returns:
        (H, W, 3), float32 in [0, 1], C-contiguous, a copy of its own.

    Raises:
        ImageError: The image is missing, empty, broken, truncated, or too large, is not an image,
            or is a file of several pages.
        TypeError: `source` has none of these types.
    """
    with enough_memory(_name(source)):
        return as_unit(_array(source))


def image_sources(images: ImageSource | Iterable[ImageSource]) -> Iterable[ImageSource]:
    """Return an iterable of images as it is; wrap anything else in a list."""
    kinds = (str, os.PathLike, bytes, Image.Image, np.ndarray)
    one = isinstance(images, kinds) or _is_tensor(images) or hasattr(images, "read")
    if one or not hasattr(images, "__iter__"):
        return [cast("ImageSource", images)]
    return cast("Iterable[ImageSource]", images)


def find_images(folder: str | Path, pdf: bool = False) -> list[Path]:
    """List the images of a folder and its subfolders in natural order (2.png before 10.png).

    Args:
        folder: Where to look. Hidden files and hidden subfolders are skipped.
        pdf: Whether to list PDF files too.

    Returns:
        Paths that start with `folder`, chosen by suffix (`image_suffixes`, in either case) alone.
        Paths that cannot be opened, such as broken links or unreadable subfolders, are included, so
        that the loading functions report them.

    Raises:
        ImageError: The folder is missing or contains no images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError("no such folder; check the path", str(folder))
    if found := list(walk_images(folder, pdf)):
        return found
    raise ImageError(NO_IMAGES, str(folder))


def _array(source: ImageSource) -> np.ndarray:
    """Convert any source to (H, W, 1 | 3 | 4) of the same type, possibly sharing its memory."""
    if isinstance(source, np.ndarray):
        return with_channels(source)
    if isinstance(source, Image.Image):
        return with_channels(decoded(source))
    if _is_tensor(source):
        return with_channels(_tensor_to_array(source))
    file, name = file_of(source)
    if file is None:
        raise TypeError(
            f"an image of type {type(source).__name__}: give a path, the bytes of an image file, "
            "a file opened in binary mode, a PIL image, a numpy array or a torch tensor"
        )
    try:
        with opened(file) as image:
            numbers = page_numbers(image)
            if len(numbers) > 1:
                raise ImageError(
                    f"has {len(numbers)} pages; save each as a file of its own, or give one at a "
                    "time, from isotrope.io.sheets.page_images"
                )
            return frame(image, numbers[0])
    except ImageError as error:
        raise (error.named(name) if name else error) from error.__cause__


def _name(source: ImageSource) -> str | None:
    """The name of a file that is given by its path."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else None


def _is_tensor(value: Any) -> TypeGuard[torch.Tensor]:
    torch = sys.modules.get("torch")  # there are no tensors before torch is imported
    return torch is not None and isinstance(value, torch.Tensor)


def _tensor_to_array(image: torch.Tensor) -> np.ndarray:
    """Convert (H, W) or (C, H, W) to (H, W) or (H, W, C); numpy has no bfloat16."""
    image = image.detach().cpu()
    image = image.float() if image.is_floating_point() else image
    if image.ndim == 3 and image.shape[0] not in (1, 3, 4):
        raise ImageError(f"a tensor of shape {tuple(image.shape)}; it must be (3, H, W)")
    return (image.movedim(0, -1) if image.ndim == 3 else image).numpy()
