"""Open image files with Pillow: supported formats, size limit, pages."""

from __future__ import annotations

import ctypes
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, features

from isotrope.io.arrays import with_channels
from isotrope.io.errors import TOO_LARGE, ImageError, enough_memory, reason
from isotrope.io.jpeg import scans
from isotrope.io.steady import SteadyFile, piped
from isotrope.io.unpacking import unpacked

_NO_PICTURES = frozenset(("BUFR", "EPS", "FPX", "GRIB", "HDF5", "IPTC", "MIC", "MPEG", "WMF"))
"""Formats that Pillow cannot decode everywhere, or only by running another program."""

_PAGED = ("TIFF", "DCX")
"""Formats whose frames are pages. In others, frames are animation steps, layers or sizes."""

_ORIENTATION = 0x0112  # the EXIF tag
_SUBFILE = 0x00FE  # the TIFF tag for an image's role within its file
_REDUCED_OR_MASK = 0b101

_MOST_SCANS = 100  # of a JPEG, as in libtiff; a progressive one has about ten
_MOST_PAGES = 10_000  # of a TIFF: Pillow compares each page's place with those of all before it


@cache
def image_suffixes() -> frozenset[str]:
    """The suffixes of image files that can be opened here, such as `.png`, in lower case.

    Pillow's own suffixes, and those of plugins (such as pillow-heif) registered before the first
    call.
    """
    kinds = set(Image.registered_extensions().items())  # also loads Pillow's plugins
    left_out = _NO_PICTURES if features.check("jpg_2000") else _NO_PICTURES | {"JPEG2000"}
    return frozenset(
        suffix for suffix, kind in kinds if kind in Image.OPEN and kind not in left_out
    )


def silence_decoders() -> None:
    """Keep Pillow and libtiff from printing to standard error: what is wrong is raised anyway.

    For commands, since it holds for the whole process. Without effect on libtiff where it cannot be
    reached.
    """
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with suppress(AttributeError, OSError):
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)


@contextmanager
def opened(file: Path | io.BytesIO) -> Iterator[Image.Image]:
    """Open an image file without decoding it.

    Raises:
        ImageError: The file cannot be opened, or the block raises any exception, since decoders
            raise all kinds of exceptions for broken files. The error names the file if it has a
            name.
    """
    path = file if isinstance(file, Path) else None
    try:
        with (
            SteadyFile(path) if path else nullcontext(file) as content,
            Image.open(content) as image,
        ):
            if image.format in _NO_PICTURES:
                raise ImageError(f"{image.format}, not a picture; save it as PNG, JPEG or TIFF")
            yield image
    except ImageError as error:
        raise (error.named(str(path)) if path else error) from error.__cause__
    except Exception as error:
        raise ImageError(opening_problem(error, path), path and str(path)) from error


def page_numbers(image: Image.Image) -> list[int]:
    """List the frames of an open image that are pages; if none is, the current frame.

    A TIFF's thumbnails and masks are not pages. The image stays at its current frame.

    Raises:
        ImageError: There are more than 10,000.
    """
    now = image.tell()
    if image.format not in _PAGED:
        return [now]
    numbers = []
    for number in count():
        try:
            image.seek(number)
        except EOFError:
            break
        if not getattr(image, "tag_v2", {}).get(_SUBFILE, 0) & _REDUCED_OR_MASK:
            numbers.append(number)
        if number == _MOST_PAGES:
            raise ImageError(f"has more than {_MOST_PAGES} pages; split it (tiffsplit)")
    image.seek(now)
    return numbers or [now]


def decoded(image: Image.Image) -> np.ndarray:
    """Decode the current frame of a PIL image of any mode, in its EXIF orientation.

    Returns:
        (H, W) or (H, W, 1 to 4): uint8, uint16, or float32 in [0, 1]; a copy.

    Raises:
        ImageError: The image is broken, or its values are out of range.
    """
    try:
        with enough_memory():
            image.load()
            return _channels(_transposed(image))
    except ImageError:
        raise
    except Exception as error:  # Decoders raise OSError, SyntaxError, ValueError...
        raise ImageError(f"broken or cut short ({reason(error)}); save or copy it again") from error


def _transposed(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; an image with broken EXIF data stays as it is stored."""
    try:
        if image.getexif().get(_ORIENTATION, 1) != 1:  # Pillow would copy an upright image too
            return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:
        pass
    return image


def _channels(image: Image.Image) -> np.ndarray:
    """Convert to gray, gray and alpha, RGB or RGBA at full bit depth."""
    if image.mode in ("I", "F"):
        return _unscaled(np.asarray(image))
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return unpacked(image)


def _check_scans(image: Image.Image) -> None:
    """Refuse a JPEG that would take minutes: each of its scans is a pass over the image.

    Raises:
        ImageError: It has more than `_MOST_SCANS`.
    """
    if image.format not in ("JPEG", "MPO") or not isinstance(image, ImageFile.ImageFile):
        return
    file = image.fp
    if file is None:  # decoded already
        return
    place = file.tell()
    file.seek(0)
    count = scans(file.read(), _MOST_SCANS)
    file.seek(place)
    if count > _MOST_SCANS:
        raise ImageError(
            f"a JPEG of more than {_MOST_SCANS} scans, made to be slow; save it again as PNG"
        )


def check_size(image: Image.Image) -> None:
    """Refuse an image, before it is decoded, that is larger than `PIL.Image.MAX_IMAGE_PIXELS`.

    Raises:
        ImageError: It has more pixels.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise ImageError(_too_large())


def frame(image: Image.Image, number: int) -> np.ndarray:
    """Decode one frame of an open image, after checking its size.

    Returns:
        (H, W, 1 | 3 | 4), as in `decoded`.

    Raises:
        ImageError: As in `check_size` and `decoded`.
    """
    if number != image.tell():
        image.seek(number)
    check_size(image)
    _check_scans(image)
    return with_channels(decoded(image))


def file_of(source: Any) -> tuple[Path | io.BytesIO | None, str | None]:
    """Return what Pillow can open, and its name; None if the source is not a file.

    Raises:
        ImageError: The source is the name of a pipe that cannot be read.
        TypeError: The source is a file opened as text.
    """
    if isinstance(source, (str, os.PathLike)):
        content = piped(source)
        return Path(source) if content is None else io.BytesIO(content), str(source)
    if isinstance(source, bytes):
        return io.BytesIO(source), None
    if not hasattr(source, "read"):
        return None, None
    # Read it all: a pipe cannot be rewound, and threads that share a file also share its position.
    if getattr(source, "seekable", bool)():
        source.seek(0)
    content = source.read()
    if isinstance(content, str):
        raise TypeError("a file opened as text; open it in binary mode, 'rb', to read an image")
    name = getattr(source, "name", None)
    return io.BytesIO(content), name if isinstance(name, str) else None


def _too_large() -> str:
    return (
        f"has more than {Image.MAX_IMAGE_PIXELS} px, the most that are opened; make it smaller "
        "or cut it up, or raise PIL.Image.MAX_IMAGE_PIXELS if you trust the file"
    )


def opening_problem(error: Exception, path: Path | None = None) -> str:
    """Explain to the user why Pillow did not open a file or its bytes."""
    # Pillow raises above twice the limit and warns above it; a filter may turn warnings into
    # errors.
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return _too_large()
    if isinstance(error, MemoryError):
        return TOO_LARGE
    if isinstance(error, FileNotFoundError) and path and path.is_symlink():
        return "a link to a file that is not there; mend the link or remove it"
    if isinstance(error, FileNotFoundError):
        return "no such file; check the path"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened ({error.strerror}); check the file and its permissions"
    if isinstance(error, UnidentifiedImageError) and path and _is_text(path):
        return "text, not an image, whatever its name says; give a PNG, JPEG or TIFF"
    return "no image that can be opened, or a broken one; save it again as PNG, JPEG or TIFF"


def _is_text(path: Path) -> bool:
    """Whether a file begins with UTF-8 text."""
    try:
        with SteadyFile(path) as file:
            head = file.read(512)
    except (ImageError, OSError):  # it has changed since
        return False
    # The last character may be truncated, so its bytes are ignored.
    return b"\0" not in head and "\ufffd" not in head.decode("utf-8", "replace").rstrip("\ufffd")


def _unscaled(values: np.ndarray) -> np.ndarray:
    """Convert 32-bit gray (H, W) to float in [0, 1].

    Such images do not record the value of white. It is taken to be the first of 1 (float only), 255
    and 65535 that no value exceeds.
    """
    whites = (255, 65535) if values.dtype.kind == "i" else (1, 255, 65535)
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    for white in whites:
        if low >= 0 and high <= white:
            return values.astype(np.float32) / white
    raise ImageError(
        f"values from {low} to {high}; a 32-bit image must stay within 0 to 65535: rescale it"
    )
