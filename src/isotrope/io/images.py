"""Images of any kind as arrays of RGB pixels, in 8 bits or as floats."""

from __future__ import annotations

import io
import re
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    import torch

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm")
)
"""What `find_images` takes for an image, in lower case."""

ImageSource: TypeAlias = "str | Path | bytes | Image.Image | np.ndarray | torch.Tensor"
"""What `load_pixels` and `load_unit` take."""

_ORIENTATION = 0x0112  # the EXIF tag
# Computed floats overshoot the unit range by rounding; anything beyond this is another scale.
_OVERSHOOT = 1e-3


class ImageError(ValueError):
    """An image that cannot be read, in one line: which one, what is wrong, what to do.

    Args:
        problem: What is wrong and what to do, without the name of the image.
        source: The file (or the place in a list) it concerns, where it is known.
    """

    def __init__(self, problem: str, source: str | None = None):
        super().__init__(problem if source is None else f"{source}: {problem}")
        self.problem, self.source = problem, source

    def named(self, source: str) -> ImageError:
        """The same error about `source`, unless it already says which image it is about."""
        return self if self.source is not None else ImageError(self.problem, source)


def load_pixels(source: ImageSource) -> np.ndarray:
    """Any image as RGB of 8 bits.

    `load_unit`, times 255, rounded. Each pixel is rounded by itself, so loading commutes with
    quarter turns and mirrors. Images of 8 bits are never converted to floats.

    Args:
        source: As in `load_unit`.

    Returns:
        (H, W, 3), uint8, C-contiguous, a copy of its own.

    Raises:
        ImageError, TypeError: As in `load_unit`.
    """
    array = _array(source)
    if array.dtype != np.uint8:
        return np.rint(_unit(array) * 255).astype(np.uint8)
    if array.shape[-1] == 4:
        ink = (255 - array[..., :3]).astype(np.uint16) * array[..., 3:]
        return (255 - (ink + 127) // 255).astype(np.uint8, order="C")  # +127: to the nearest
    pixels = np.empty((*array.shape[:2], 3), np.uint8)
    pixels[:] = array
    return pixels


def load_unit(source: ImageSource) -> np.ndarray:
    """Any image as RGB in floating point, with the depth that it has.

    Transparency is laid over white, and the EXIF orientation is applied (unless the EXIF data is
    broken). The first of several frames or pages is taken.

    Args:
        source: One of
            - a path to a file that Pillow reads, or the bytes of such a file;
            - a PIL image, of any mode;
            - an array (H, W) or (H, W, 1 | 3 | 4): bool, uint8, uint16, or float in [0, 1]; int32
              and int64 with values of 0 to 255 are taken for uint8;
            - a torch tensor (H, W) or (1 | 3 | 4, H, W) of the same types.

    Returns:
        (H, W, 3), float32 in [0, 1], C-contiguous, a copy of its own.

    Raises:
        ImageError: It is missing, empty, broken, cut short, no image, or has too many pixels.
        TypeError: `source` is none of these types.
    """
    return _unit(_array(source))


def find_images(folder: str | Path) -> list[Path]:
    """The image files of a folder and of its subfolders, in natural order (2.png before 10.png).

    Args:
        folder: Where to look. Hidden files are left out.

    Returns:
        Paths that start with `folder`, chosen by suffix (`SUFFIXES`, in either case) alone: what
        cannot be opened, such as a link to nothing, is for the loading functions to report.

    Raises:
        ImageError: The folder is missing, or holds no images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError("no such folder; check the path", str(folder))
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()
    ]
    if not found:
        kinds = " ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise ImageError(f"no images in this folder; it must hold files of {kinds}", str(folder))
    return sorted(found, key=_natural)


def _natural(path: Path) -> list[list[tuple[int, str]]]:
    """A sort key in which runs of digits count as numbers, folder by folder."""
    return [
        [(int(run), "") if run.isdecimal() else (-1, run) for run in re.split(r"(\d+)", part)]
        for part in path.parts
    ]


def _array(source: ImageSource) -> np.ndarray:
    """Any source as (H, W, 1 | 3 | 4) of the type it has; it may share the source's memory."""
    if isinstance(source, (str, Path)):
        return _read(Path(source))
    if isinstance(source, bytes):
        return _read(io.BytesIO(source))
    if isinstance(source, Image.Image):
        return _with_channels(_decode(source))
    if isinstance(source, np.ndarray):
        return _with_channels(source)
    torch = sys.modules.get("torch")  # Nobody holds a tensor before torch is imported.
    if torch is not None and isinstance(source, torch.Tensor):
        return _with_channels(_tensor_to_array(source))
    raise TypeError(
        f"an image of type {type(source).__name__}: give a path, the bytes of an image file, "
        "a PIL image, a numpy array or a torch tensor"
    )


def _read(file: Path | io.BytesIO) -> np.ndarray:
    """What stands in an image file; errors name the file where it has a name."""
    path = file if isinstance(file, Path) else None
    try:
        if path:
            _check_file(path)
        # A bad EXIF tag is no reason to stop; a suspected decompression bomb is.
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                return _with_channels(_decode(image))
    except ImageError as error:
        raise (error.named(str(path)) if path else error) from error.__cause__
    except Exception as error:  # Pillow's openers answer a broken header with whatever came up.
        raise ImageError(_opening_problem(error, path), path and str(path)) from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError("a folder, not an image; give the files in it")
    if path.exists() and not path.is_file():  # Opening a named pipe could wait forever.
        raise ImageError("a device or a pipe, not an image; save the image to a file")
    if path.is_file() and path.stat().st_size == 0:
        raise ImageError("an empty file; save or copy it again")


def _opening_problem(error: Exception, path: Path | None = None) -> str:
    """What to tell the user about a file, or its bytes, that Pillow would not open."""
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return (
            f"has more than {Image.MAX_IMAGE_PIXELS} px, the most that Pillow opens; cut it into "
            "lines or words, or raise PIL.Image.MAX_IMAGE_PIXELS if you trust the file"
        )
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
    """Whether a file begins like text in UTF-8."""
    with path.open("rb") as file:
        head = file.read(512)
    # The last character may be cut in two, so its bytes do not count.
    return b"\0" not in head and "\ufffd" not in head.decode("utf-8", "replace").rstrip("\ufffd")


def _decode(image: Image.Image) -> np.ndarray:
    """A PIL image of any mode, upright, as an array of a kind that `_with_channels` takes."""
    try:
        image.load()
        with suppress(Exception):  # Broken EXIF data: the image is read as it is stored.
            if image.getexif().get(_ORIENTATION, 1) != 1:  # Pillow copies an upright one too.
                image = ImageOps.exif_transpose(image)
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
        return np.asarray(image)
    except ImageError:
        raise
    except Exception as error:  # A broken file: decoders raise OSError, SyntaxError, ValueError...
        reason = str(error) or type(error).__name__
        raise ImageError(f"broken or cut short ({reason}); save or copy it again") from error


def _unscaled(values: np.ndarray) -> np.ndarray:
    """Grey of 32 bits, (H, W), as float in [0, 1].

    Such images do not say what white is: 1 (float alone), 255 or 65535, the first that holds
    all values.
    """
    whites = (255, 65535) if values.dtype.kind == "i" else (1, 255, 65535)
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    for white in whites:
        if low >= 0 and high <= white:
            return values.astype(np.float32) / white
    raise ImageError(
        f"values from {low} to {high}; a 32-bit image must stay within 0 to 65535: rescale it"
    )


def _tensor_to_array(image: torch.Tensor) -> np.ndarray:
    """(H, W) or (C, H, W) as (H, W) or (H, W, C); numpy has no bfloat16."""
    image = image.detach().cpu()
    image = image.float() if image.is_floating_point() else image
    if image.ndim == 3 and image.shape[0] not in (1, 3, 4):
        raise ImageError(f"a tensor of shape {tuple(image.shape)}; it must be (3, H, W)")
    return (image.movedim(0, -1) if image.ndim == 3 else image).numpy()


def _with_channels(array: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 1 | 3 | 4) as the latter."""
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise ImageError(f"an array of shape {array.shape}; it must be (H, W) or (H, W, 1 | 3 | 4)")
    if array.size == 0:
        raise ImageError(f"{array.shape[1]}x{array.shape[0]} px: an image without pixels")
    return array


def _unit(array: np.ndarray) -> np.ndarray:
    """(H, W, 1 | 3 | 4) as RGB over white: (H, W, 3), float32 in [0, 1]."""
    unit = _unit_range(array)
    if unit.shape[-1] == 4:
        unit = unit[..., :3] * unit[..., 3:] + (1 - unit[..., 3:])
    elif unit.shape[-1] == 1:
        unit = np.broadcast_to(unit, (*unit.shape[:2], 3))
    return np.require(unit, requirements=("C", "W"))


def _unit_range(array: np.ndarray) -> np.ndarray:
    """Any supported type as a new float32 array in [0, 1]."""
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
