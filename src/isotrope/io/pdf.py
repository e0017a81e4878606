"""Pages of PDF files as pixels, drawn by pdfium."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pypdfium2 as pdfium

from isotrope.io.errors import ImageError

RESOLUTION = 240
"""Pixels per inch of a drawn page: 10 pt text is 33 px high."""

MOST_PIXELS = 1 << 25
"""Maximum size of a drawn page; larger pages are drawn at a lower resolution. A4 at 589 per inch,
96 MiB."""

_POINT = 1 / 72  # inches
_MOST_OBJECTS = 5000  # of a page, that are looked at; a scan with a layer of text has fewer
_SCANNED = 0.4  # share of a page that a scan covers at least
_REOPENED = 100  # pages after which a file is opened again: pdfium keeps all that it has read

# pdfium is not thread-safe, not even for two documents.
_lock = threading.RLock()


class PdfPage(NamedTuple):
    """A drawn page.

    Args:
        pixels: (H, W, 3), uint8 RGB.
        resolution: Pixels per inch.
    """

    pixels: np.ndarray
    resolution: float


class PdfPages:
    """The pages of a PDF, drawn one at a time. Threads may share it. Close it, or use `with`.

    Args:
        source: A path, or the content of a file.

    Raises:
        ImageError: The file is broken, needs a password, or has no pages.
    """

    def __init__(self, source: Path | bytes) -> None:
        self._source = source
        with _lock:
            self._document = _opened(source)
            self._count, self._used = len(self._document), 0

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> PdfPages:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with _lock:
            self._document.close()

    def draw(self, index: int) -> PdfPage:
        """Draw a page as its /Rotate says.

        A page that is a scan is drawn at the scan's resolution, any other at `RESOLUTION`; neither
        has more than `MOST_PIXELS`. A page with another /Rotate gives exactly the turned pixels.

        Raises:
            ImageError: The page is broken.
        """
        with self._page(index) as page:
            degrees = page.get_rotation()
            page.set_rotation(0)
            width, height = page.get_size()
            scale = (_scan_resolution(page) or RESOLUTION) * _POINT
            scale = min(scale, math.sqrt(MOST_PIXELS / (width * height)))
            bitmap = _drawn(page, scale)
            try:
                pixels = np.array(np.rot90(bitmap.to_numpy(), -degrees // 90), order="C")
            finally:
                bitmap.close()
            return PdfPage(pixels, scale / _POINT)

    def has_text(self, index: int) -> bool:
        """Whether a page has text, visible or not, that programs can copy.

        Raises:
            ImageError: The page is broken.
        """
        with self._page(index) as page:
            text = page.get_textpage()
            try:
                return bool(text.get_text_bounded().strip())
            finally:
                text.close()

    @contextmanager
    def _page(self, index: int) -> Iterator[pdfium.PdfPage]:
        with _lock:
            self._used += 1
            if self._used % _REOPENED == 0:
                with suppress(ImageError):  # the file is gone; what is open still reads
                    fresh = _opened(self._source)
                    self._document.close()
                    self._document = fresh
            page = None
            try:
                page = self._document[index]
                yield page
            except (pdfium.PdfiumError, ValueError, MemoryError) as error:
                raise ImageError(
                    "a broken page; repair the PDF (qpdf, or print it to a new one), or leave the "
                    "page out"
                ) from error
            finally:
                if page is not None:
                    page.close()


def _drawn(page: pdfium.PdfPage, scale: float) -> pdfium.PdfBitmap:
    """Draw a page at so many pixels per point, without blurring a scan that has as many."""
    # Rounding would give a scan of 3508 px a size of 3508.0001, so that it is stretched over 3509.
    scale *= 1 - 1e-6
    width, height = (math.ceil(side * scale) for side in page.get_size())
    bitmap = pdfium.PdfBitmap.new_native(width, height, pdfium.raw.FPDFBitmap_BGR, True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    flags = pdfium.raw.FPDF_ANNOT | pdfium.raw.FPDF_REVERSE_BYTE_ORDER
    matrix, whole = pdfium.raw.FS_MATRIX(scale, 0, 0, scale, 0, 0), (0, 0, width, height)
    # Not page.render, which stretches the page to whole pixels.
    pdfium.raw.FPDF_RenderPageBitmapWithMatrix(
        bitmap, page, matrix, pdfium.raw.FS_RECTF(*whole), flags
    )
    if page.formenv:
        pdfium.raw.FPDF_FFLDraw(page.formenv, bitmap, page, *whole, 0, flags)
    return bitmap


def _opened(source: Path | bytes) -> pdfium.PdfDocument:
    """Open a PDF. Not by PdfDocument, which takes one without pages for a broken one."""
    if isinstance(source, bytes):
        handle = pdfium.raw.FPDF_LoadMemDocument64(source, len(source), None)
    else:
        handle = pdfium.raw.FPDF_LoadDocument(os.fsencode(source), None)
    if not handle:
        raise ImageError(_problem(pdfium.raw.FPDF_GetLastError()))
    document = pdfium.PdfDocument(handle)
    if not len(document):
        document.close()
        raise ImageError("a PDF without pages; save it again, or leave it out")
    if document.get_formtype() == pdfium.raw.FORMTYPE_ACRO_FORM:
        document.init_forms()  # draws what is filled in
    return document


def _problem(code: int) -> str:
    """Explain to the user why pdfium did not open a file."""
    if code == pdfium.raw.FPDF_ERR_PASSWORD:
        return "needs a password; save it without one (qpdf --decrypt --password=...)"
    if code == pdfium.raw.FPDF_ERR_SECURITY:
        return "encrypted in a way that is not known; save it without (qpdf --decrypt)"
    return "a broken PDF, or one cut short; repair it (qpdf, or print it to a new one)"


def _scan_resolution(page: pdfium.PdfPage) -> float | None:
    """Pixels per inch of the images on a page; None if they cover less than `_SCANNED` of it.

    The highest resolution at which images cover that much: of the strips of a scan they all have
    it, and a mask over its background counts where a logo does not. At least `RESOLUTION` if the
    page also has text or drawings.
    """
    images, only_images = [], True
    for thing in islice(page.get_objects(), _MOST_OBJECTS):
        if isinstance(thing, pdfium.PdfImage):
            columns, rows = thing.get_px_size()
            (a, b, c, d, *_) = _on_page(thing).get()
            wide, high = math.hypot(a, b) * _POINT, math.hypot(c, d) * _POINT
            if min(wide, high) > 0:
                images.append((max(columns / wide, rows / high), abs(a * d - b * c)))
        elif not _is_invisible(thing):
            only_images = False
    width, height = page.get_size()
    covered = 0.0
    for resolution, area in sorted(images, reverse=True):
        covered += area
        if covered >= _SCANNED * width * height:
            return resolution if only_images else max(resolution, RESOLUTION)
    return None


def _on_page(thing: pdfium.PdfObject) -> pdfium.PdfMatrix:
    """The map from an object's unit square to the page, through the forms that hold it."""
    matrix = thing.get_matrix()
    while thing.container is not None:
        thing = thing.container
        matrix = matrix.multiply(thing.get_matrix())
    return matrix


def _is_invisible(thing: pdfium.PdfObject) -> bool:
    """Whether an object has no ink of its own: a form, or the text of a scan that was read."""
    kind = pdfium.raw.FPDFPageObj_GetType(thing)
    if kind == pdfium.raw.FPDF_PAGEOBJ_TEXT:
        hidden = (pdfium.raw.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.raw.FPDF_TEXTRENDERMODE_CLIP)
        return pdfium.raw.FPDFTextObj_GetTextRenderMode(thing) in hidden
    return kind == pdfium.raw.FPDF_PAGEOBJ_FORM
