"""Images of any kind as tensors: loading them, and giving them the reader's size.

Both steps work in floating point. Eight-bit rounding between them would cost the reader its
symmetry: a turned image would no longer give the turned pixels.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch.nn import functional

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm")
)
"""What `find_images` takes for an image, in lower case."""

ImageSource = str | Path | Image.Image | np.ndarray | torch.Tensor
"""What `load_image` takes."""

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


def load_image(source: ImageSource) -> torch.Tensor:
    """Any image as RGB.

    Transparency is laid over white, the EXIF orientation is applied (where the EXIF data is not
    broken), 16-bit grey keeps its depth, and of several frames or pages the first is taken.

    Args:
        source: One of
            - a path to a file that Pillow reads;
            - a PIL image, of any mode;
            - an array (H, W) or (H, W, 1 | 3 | 4): bool, uint8, uint16, or float in [0, 1]; int32
              and int64 with values of 0 to 255 are taken for uint8;
            - a tensor (H, W) or (1 | 3 | 4, H, W) of the same types.

    Returns:
        (3, H, W), float32 in [0, 1].

    Raises:
        ImageError: It is missing, empty, broken, cut short, no image, or has too many pixels.
        TypeError: `source` is none of these types.
    """
    if isinstance(source, (str, Path)):
        return _load_file(Path(source))
    if isinstance(source, Image.Image):
        return _array_to_rgb(_decode(source))
    if isinstance(source, np.ndarray):
        return _array_to_rgb(source)
    if isinstance(source, torch.Tensor):
        return _array_to_rgb(_tensor_to_array(source))
    raise TypeError(
        f"an image of type {type(source).__name__}: give a path, a PIL image, a numpy array "
        "or a torch tensor"
    )


def load_encoded(data: bytes) -> torch.Tensor:
    """`load_image` of what stands in an image file."""
    try:
        return _opened(io.BytesIO(data))
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(_opening_problem(error)) from error


def prepare(image: torch.Tensor, height: int, stride: int, max_ratio: float) -> torch.Tensor:
    """Resize for the reader: the short side becomes `height`, the long side follows.

    The long side keeps the aspect, rounded to the nearest multiple of `stride`. Which side is
    short is all that matters, never which is vertical, so `prepare` commutes with quarter turns
    and mirrors up to float rounding.

    Args:
        image: (3, H, W), float in [0, 1].
        height: The short side of the result, px; a multiple of `stride`.
        stride: What both sides of the result are multiples of, px.
        max_ratio: The longest image taken, as long side over short side.

    Returns:
        (3, h, w), float32 in [0, 1]. Not normalised: the model does that.

    Raises:
        ImageError: The image is under 2 px on a side, or longer than `max_ratio`.
    """
    size = target_size(image.shape[-2:], height, stride, max_ratio)
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


def find_images(folder: str | Path) -> list[Path]:
    """The image files of a folder and of its subfolders, in natural order (2.png before 10.png).

    Args:
        folder: Where to look. Hidden files are left out.

    Returns:
        Paths that start with `folder`, chosen by suffix (`SUFFIXES`, in either case) alone: what
        cannot be opened, such as a link to nothing, is for `load_image` to report.

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


def target_size(
    size: tuple[int, int], height: int, stride: int, max_ratio: float
) -> tuple[int, int]:
    """The (h, w) that `prepare` gives an image of (H, W), px; raises what `prepare` raises."""
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
    # Half-way cases round up, in integers: `round` would send them to the even neighbour.
    steps = (2 * long * height + short * stride) // (2 * short * stride)
    other = max(height, steps * stride)
    return (height, other) if columns >= rows else (other, height)


def _load_file(path: Path) -> torch.Tensor:
    try:
        if path.is_dir():
            raise ImageError("a folder, not an image; give the files in it")
        if path.exists() and not path.is_file():  # Opening a named pipe could wait for ever.
            raise ImageError("a device or a pipe, not an image; save the image to a file")
        if path.is_file() and path.stat().st_size == 0:
            raise ImageError("an empty file; save or copy it again")
        return _opened(path)
    except ImageError as error:
        raise error.named(str(path)) from error.__cause__
    except Exception as error:  # Pillow's openers answer a broken header with whatever came up.
        raise ImageError(_opening_problem(error, path), str(path)) from error


def _opened(file: Path | io.BytesIO) -> torch.Tensor:
    with _pillow_warnings(), Image.open(file) as image:
        return _array_to_rgb(_decode(image))


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """Silence Pillow (a bad EXIF tag is no reason to stop), but make a suspected bomb an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


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
    """A PIL image of any mode, upright, as an array of a kind that `_array_to_rgb` takes."""
    try:
        image.load()
        with suppress(Exception):  # Broken EXIF data: the image is read as it is stored.
            image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F"):
            return _unscaled(np.array(image))
        if image.mode.startswith("I;16"):
            return np.array(image).astype(np.uint16)
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode.upper())
        if image.has_transparency_data:
            image = image.convert("RGBA")
        elif image.mode not in ("L", "RGB"):
            image = image.convert("L" if image.mode == "1" else "RGB")
        return np.array(image)
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


def _array_to_rgb(array: np.ndarray) -> torch.Tensor:
    """(H, W) or (H, W, 1 | 3 | 4) as (3, H, W), float32 in [0, 1], laid over white."""
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise ImageError(f"an array of shape {array.shape}; it must be (H, W) or (H, W, 1 | 3 | 4)")
    if array.size == 0:
        raise ImageError(f"{array.shape[1]}x{array.shape[0]} px: an image without pixels")
    image = torch.from_numpy(_unit_range(array)).movedim(-1, 0)
    if len(image) == 4:
        image = image[:3] * image[3] + (1 - image[3])
    return image.expand(3, -1, -1).contiguous()


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
