"""Read pages one after the other, from files of any kind. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from isotrope.io.errors import ImageError, enough_memory
from isotrope.io.images import ImageSource, image_sources
from isotrope.io.sheets import PageImage, page_images, page_name
from isotrope.ocr.detection import Detector, make_detector
from isotrope.ocr.document import Page
from isotrope.ocr.engines import Engine
from isotrope.ocr.finders import make_finder
from isotrope.ocr.orientation.orbit import OrbitFinder
from isotrope.ocr.pages.reader import PageReader
from isotrope.ocr.views import Finder
from isotrope.ocr.windows import check_size


def page_reader(
    engine: Engine, finder: Finder | None, detector: Detector | None, min_confidence: float
) -> PageReader:
    """The reader of pages made of these.

    Args:
        engine: Reads the lines.
        finder: Turns pages and lines upright. None, or one that compares readings: the shipped one.
        detector: Finds the lines. None: the shipped one.
        min_confidence: As in `PageReader`.
    """
    own = finder if not isinstance(finder, OrbitFinder) else None
    found = own or make_finder("isotrope")
    assert found is not None
    return PageReader(engine, found, make_detector(detector), min_confidence)


def read_pages(
    reader: PageReader,
    pages: ImageSource | Iterable[ImageSource],
    batch_size: int = 32,
    on_error: str = "raise",
) -> Iterator[Page]:
    """Read whole pages, one at a time.

    Args:
        reader: Reads a page.
        pages: One source or many: paths of images, TIFF files or PDF files, and all that
            `load_pixels` takes. A file of several pages gives them all.
        batch_size: Number of lines of one size per pass through a model.
        on_error: What to do if a page cannot be read. "raise": raise its `ImageError`. "return":
            yield its `ImageError` in its place and go on.

    Yields:
        The pages in order. One without text has no regions.

    Raises:
        ImageError: A page cannot be read; the message names the file, or the position in `pages`.
        ValueError: `batch_size` is below 1, or `on_error` is not known.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be at least 1")
    if on_error not in ("raise", "return"):
        raise ValueError(f"on_error={on_error!r} must be 'raise' or 'return'")
    read = _read(reader, pages, batch_size, on_error == "return")
    return cast("Iterator[Page]", read)  # or errors, for those who ask for them


def with_origin(page: Page, image: PageImage, file: str | None) -> Page:
    """A page with what its file says about it, and the name of that file."""
    return replace(page, file=file, number=image.number, resolution=image.resolution)


def _read(
    reader: PageReader, pages: ImageSource | Iterable[ImageSource], batch_size: int, returns: bool
) -> Iterator[Page | ImageError]:
    for index, source in enumerate(image_sources(pages)):
        file = str(source) if isinstance(source, (str, Path)) else None
        name = file or f"images[{index}]"
        for image in _images(source, name):
            try:
                if isinstance(image, ImageError):
                    raise image
                with enough_memory(page_name(name, image.number, image.count)):
                    page = reader.read(image.pixels, batch_size)
            except ImageError as error:
                if not returns:
                    raise
                yield error
            else:
                yield with_origin(page, image, file)


def _images(source: ImageSource, name: str) -> Iterator[PageImage | ImageError]:
    """The pages of a source that are large enough to read, and errors."""
    try:
        for image in page_images(source, name=name):
            if not isinstance(image, ImageError):
                check_size(image.pixels)
            yield image
    except ImageError as error:
        yield error.named(name)
    except TypeError as error:
        yield ImageError(str(error)).named(name)
