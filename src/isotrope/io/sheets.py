"""The pages of any source, as pixels: images, all frames of a TIFF, PDF files."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from PIL import Image

from isotrope.io.arrays import as_pixels
from isotrope.io.errors import ImageError, enough_memory
from isotrope.io.images import ImageSource, load_pixels
from isotrope.io.opening import file_of, frame, opened, page_numbers
from isotrope.io.pdf_process import pdf_pages
from isotrope.io.steady import SteadyFile

_HEADER = b"%PDF-"
_HEAD = 1024  # bytes, which may hold other things before the header


class PageImage(NamedTuple):
    """A page as pixels.

    Args:
        pixels: (H, W, 3), uint8 RGB. An array that was so already is not copied.
        number: Its number in the file, from 1.
        count: How many pages the file has.
        resolution: Pixels per inch, if the file says so.
    """

    pixels: np.ndarray
    number: int = 1
    count: int = 1
    resolution: float | None = None


def page_images(
    source: ImageSource, skip_text: bool = False, name: str | None = None
) -> Iterator[PageImage | ImageError]:
    """Every page of a PDF, or of an image file of several (TIFF, DCX); otherwise the one image.

    Pages are decoded one at a time. A TIFF's thumbnails are left out, and an animation is one
    image, its first frame. PDF files are recognized by their content.

    Args:
        source: A PDF's path, bytes or open file, or as in `load_unit`.
        skip_text: Whether to leave out the pages of a PDF that have text already.
        name: The name of the source in errors. None: its own, if it has one.

    Yields:
        Pages in the order of the file. An `ImageError` stands for a page that cannot be read, or
        for the whole file, and names it if it has a name: `FILE`, or `FILE#3` for one page of
        several.

    Raises:
        TypeError: `source` has none of these types.
    """
    if isinstance(source, Image.Image):
        now = source.tell()
        try:
            yield from _frames(source, name)
        finally:
            source.seek(now)
        return
    try:
        file, own_name = file_of(source)
        name = name or own_name
        if file is None:
            yield PageImage(load_pixels(source, copy=False))
        elif is_pdf(file):
            yield from _pdf_pages(file, name, skip_text)
        else:
            with opened(file) as image:
                pages = _frames(image, name)
                page = next(pages)
                if not _is_only(page):
                    yield page
                    yield from pages
            if _is_only(page):
                del image, pages  # Pillow's copy is larger than the page, and not needed while
                yield page  # the page is read
    except ImageError as error:
        yield error.named(name) if name else error


def _is_only(page: PageImage | ImageError) -> bool:
    """Whether a page is the only one of its file."""
    return isinstance(page, PageImage) and page.count == 1


def _frames(image: Image.Image, name: str | None) -> Iterator[PageImage | ImageError]:
    numbers = page_numbers(image)
    count = len(numbers)
    for number, place in enumerate(numbers, start=1):
        try:
            with enough_memory():
                pixels = as_pixels(frame(image, place), copy=False)
        except ImageError as error:
            yield _of_page(error, name, number, count)
        else:
            yield PageImage(pixels, number, count, _resolution(image))


def _pdf_pages(
    file: Path | io.BytesIO, name: str | None, skip_text: bool
) -> Iterator[PageImage | ImageError]:
    content = file if isinstance(file, Path) else file.getvalue()
    with closing(pdf_pages(content)) as pages:
        for index in range(len(pages)):
            try:
                if skip_text and pages.has_text(index):
                    continue
                pixels, resolution = pages.draw(index)
            except ImageError as error:
                yield _of_page(error, name, index + 1, len(pages))
            else:
                yield PageImage(pixels, index + 1, len(pages), resolution)


def page_name(file: str, number: int, count: int) -> str:
    """The name of a page in messages: `FILE`, or `FILE#3` if the file has several."""
    return f"{file}#{number}" if count > 1 else file


def _of_page(error: ImageError, name: str | None, number: int, count: int) -> ImageError:
    """The error, naming the page if its file has a name."""
    if name is None:
        return ImageError(f"page {number}: {error.problem}") if count > 1 else error
    return error.named(page_name(name, number, count))


def is_pdf(file: Path | io.BytesIO) -> bool:
    """Whether a file is a PDF, by its content; False if it cannot be opened."""
    if isinstance(file, io.BytesIO):
        return _HEADER in file.getbuffer()[:_HEAD].tobytes()
    try:
        with SteadyFile(file) as content:
            return _HEADER in content.read(_HEAD)
    except (ImageError, OSError):  # opening it as an image says why
        return False


def _resolution(image: Image.Image) -> float | None:
    """Pixels per inch of an open image; None if unknown, or not the same across as down."""
    try:
        across, down = map(float, cast("tuple[float, float]", image.info["dpi"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (math.isfinite(across) and across > 1 and math.isclose(across, down, rel_tol=0.01)):
        return None
    return across
