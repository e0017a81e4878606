"""A PDF in the making."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream
from PIL import Image

from isotrope.io.errors import ImageError
from isotrope.io.opening import opened, page_numbers
from isotrope.io.sheets import is_pdf
from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.base import Source
from isotrope.ocr.formats.pages.pdf.font import InvisibleFont
from isotrope.ocr.formats.pages.pdf.picture import Picture, picture
from isotrope.ocr.formats.pages.pdf.text import Matrix, text_of
from isotrope.ocr.geometry import turned_size

RESOLUTION = 300.0
"""Pixels per inch of a page that does not say."""

_PLAUSIBLE = (20, 10_000)  # pixels per inch
_LONGEST = 14_400  # points: the longest side of a page that all programs show
_POINTS = 72  # per inch


class Book:
    """A PDF in the making: the pages of one PDF file, or images. Use it with `with`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._image = self._stack.enter_context(ExitStack())  # closes the last image file
        self._font = InvisibleFont()
        self._pdf: Pdf | None = None
        self._font_object: Object  # to be filled in at the end; made with the PDF
        self._original: Path | bytes | None = None  # the PDF whose pages get text
        self._last: tuple[Path | bytes, Image.Image, list[int]] | None = None  # an open image file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, page: Page, source: Source) -> None:
        """Add a page with its text.

        Raises:
            ImageError: Its picture cannot be opened.
            ValueError: It is of a PDF, and another page is of another file.
        """
        original = None if isinstance(source, np.ndarray) or not _holds_pdf(source) else source
        if self._pdf is None:
            self._original = original
            self._pdf = pikepdf.new() if original is None else _opened(original)
            self._stack.enter_context(self._pdf)
            self._font_object = self._pdf.make_indirect(Dictionary())
        elif original != self._original:
            raise ValueError(
                f"{page.file}: pages of a PDF and of another file; write each file to its own PDF"
            )
        if original is None:
            self._show(self._pdf, page, source)
            return
        with _understood(original):
            self._overlay(self._pdf, page)

    def content(self) -> bytes:
        """Return the PDF, after which no page can be added.

        Raises:
            ValueError: It has no pages.
        """
        if self._pdf is None:
            raise ValueError("no pages; a PDF has one or more")
        self._font.put_into(self._pdf, self._font_object)
        file = io.BytesIO()
        with _understood(self._original):
            self._pdf.save(file, deterministic_id=True)
        return file.getvalue()

    def _overlay(self, pdf: Pdf, page: Page) -> None:
        """Put the text under the content of a page, which stays as it is."""
        if not 1 <= page.number <= len(pdf.pages):
            raise ValueError(f"{page.file} has {len(pdf.pages)} pages, and none is {page.number}")
        shown = pdf.pages[page.number - 1]
        name = self._named_font(shown)
        text = text_of(page, _to_points(page, shown), self._font, str(name))
        shown.contents_add(Stream(pdf, text), prepend=True)

    def _show(self, pdf: Pdf, page: Page, source: Source) -> None:
        """Add a page that shows an image, and its text."""
        image = self._picture(pdf, page, source)
        resolution = _plausible(page.resolution) or RESOLUTION
        scale = min(_POINTS / resolution, _LONGEST / max(image.size))
        width, height = (scale * side for side in image.size)
        box = Array([0, 0, width, height])
        pdf.pages.append(pikepdf.Page(Dictionary(Type=Name.Page, MediaBox=box)))
        shown = pdf.pages[-1]
        name = self._named_font(shown)
        drawn = shown.add_resource(image.image, Name.XObject, Name.Im0)
        a, b, c, d, e, f = image.placed
        placed = (a * width, b * height, c * width, d * height, e * width, f * height)
        numbers = " ".join(f"{number:.6f}" for number in placed)
        content = f"q\n{numbers} cm\n{drawn} Do\nQ\n".encode()
        to_points = (width / page.width, 0, 0, -height / page.height, 0, height)
        text = text_of(page, to_points, self._font, str(name))
        shown.contents_add(Stream(pdf, content + text))

    def _named_font(self, shown: pikepdf.Page) -> Name:
        return shown.add_resource(self._font_object, Name.Font, _free_name(shown))

    def _picture(self, pdf: Pdf, page: Page, source: Source) -> Picture:
        if isinstance(source, np.ndarray):
            return picture(pdf, source, 0, b"")
        if self._last is None or self._last[0] != source:
            self._image.close()
            image = self._image.enter_context(opened(_file(source)))
            self._last = source, image, page_numbers(image)
        _, image, numbers = self._last
        if not 1 <= page.number <= len(numbers):
            raise ImageError(f"has {len(numbers)} pages, and none is {page.number}", page.file)
        return picture(pdf, image, numbers[page.number - 1], source)


def _file(source: Path | bytes) -> Path | io.BytesIO:
    return source if isinstance(source, Path) else io.BytesIO(source)


def _holds_pdf(source: Path | bytes) -> bool:
    return is_pdf(_file(source))


def _opened(source: Path | bytes) -> Pdf:
    with _understood(source):
        return pikepdf.open(_file(source))


@contextmanager
def _understood(source: Path | bytes | None) -> Iterator[None]:
    """Say what is wrong with a PDF file."""
    name = str(source) if isinstance(source, Path) else None
    try:
        yield
    except pikepdf.PasswordError as error:
        raise ImageError("a PDF with a password; save it without", name) from error
    except (pikepdf.PdfError, OSError, TypeError) as error:  # TypeError: a value of another type
        raise ImageError(f"not a whole PDF ({error}); save it again", name) from error


def _plausible(resolution: float | None) -> float | None:
    low, high = _PLAUSIBLE
    return resolution if resolution is not None and low <= resolution <= high else None


def _free_name(shown: pikepdf.Page) -> Name:
    """A name for a font that the page has no other use for."""
    taken = {
        key
        for kind in shown.resources.as_dict().values()
        if isinstance(kind, Dictionary)
        for key in kind
    }
    return next(
        Name(name) for number in count() if (name := f"/Invisible{number or ''}") not in taken
    )


def _to_points(page: Page, shown: pikepdf.Page) -> Matrix:
    """The map from pixels of a page, as it is drawn, to its points, which /Rotate does not turn."""
    left, bottom, right, top = _drawn_box(shown)
    degrees = int(shown.obj.get("/Rotate", 0)) % 360
    width, height = turned_size((page.width, page.height), degrees)
    x, y = (right - left) / width, (top - bottom) / height
    match degrees:
        case 90:
            return 0, y, x, 0, left, bottom
        case 180:
            return -x, 0, 0, y, right, bottom
        case 270:
            return 0, -y, -x, 0, right, top
    return x, 0, 0, -y, left, top


def _drawn_box(shown: pikepdf.Page) -> tuple[float, float, float, float]:
    """What programs show of a page: its crop box, as far as the page goes."""
    sides = []
    for corners in (shown.mediabox, shown.cropbox):
        x0, y0, x1, y1 = map(float, corners)
        sides.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    whole, (left, bottom, right, top) = sides
    left, bottom = max(left, whole[0]), max(bottom, whole[1])
    right, top = min(right, whole[2]), min(top, whole[3])
    return (left, bottom, right, top) if left < right and bottom < top else whole
