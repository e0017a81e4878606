"""Plug-in that makes isotrope the OCR engine of OCRmyPDF (https://ocrmypdf.readthedocs.io).

    ocrmypdf --plugin isotrope.ocrmypdf scan.pdf searchable.pdf

It reads pages whichever way up they are, and each line in its own direction, with or without
`--rotate-pages` and `--deskew`. `--language` has no effect: the reader knows its scripts at once.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ocrmypdf import hookimpl
from ocrmypdf.pluginspec import OcrEngine, OrientationConfidence

from isotrope import __version__

if TYPE_CHECKING:
    from argparse import Namespace

    from isotrope.ocr.document import Page
    from isotrope.ocr.reader import Reader

_RESOLUTION = 300.0  # pixels per inch of an image that does not say


class IsotropeEngine(OcrEngine):
    """The engine that OCRmyPDF calls, in several processes."""

    @staticmethod
    def version() -> str:
        """The version of isotrope."""
        return __version__

    @staticmethod
    def creator_tag(options: Namespace) -> str:
        """What the PDF says of its maker."""
        return f"isotrope {__version__}"

    def __str__(self) -> str:
        return f"isotrope {__version__}"

    @staticmethod
    def languages(options: Namespace) -> set[str]:
        """None: any language may be asked for, since the reader is not told."""
        return set()

    @staticmethod
    def get_orientation(input_file: Path, options: Namespace) -> OrientationConfidence:
        """Find how far most of the text is turned clockwise, which OCRmyPDF turns back.

        The confidence grows with the share of that text. At OCRmyPDF's threshold of 14 it is 60%.
        """
        page = _read(input_file, options)
        lengths: dict[int, int] = {}
        for line in page.lines:
            lengths[line.orientation] = lengths.get(line.orientation, 0) + len(line.text)
        if not lengths:
            return OrientationConfidence(0, 0.0)
        share = lengths.get(page.orientation, 0) / sum(lengths.values())
        return OrientationConfidence(-page.orientation % 360, 40 * (share - 0.25))

    @staticmethod
    def get_deskew(input_file: Path, options: Namespace) -> float:
        """Find how far to turn a page counter-clockwise, in degrees, to make its lines level."""
        return -_read(input_file, options).slant

    @staticmethod
    def generate_hocr(
        input_file: Path, output_hocr: Path, output_text: Path, options: Namespace
    ) -> None:
        """Write the page as hOCR, and its text."""
        from isotrope.ocr.formats.pages.hocr import hocr_pages

        page = _read(input_file, options)
        output_hocr.write_bytes(b"".join(hocr_pages([page])))
        _write_text(page, output_text)

    @staticmethod
    def generate_pdf(
        input_file: Path, output_pdf: Path, output_text: Path, options: Namespace
    ) -> None:
        """Write the page as a PDF of its text alone, and its text."""
        from isotrope.ocr.formats.pages.pdf.layer import text_layer

        page = _read(input_file, options)
        output_pdf.write_bytes(text_layer(page, page.resolution or _RESOLUTION))
        _write_text(page, output_text)


@hookimpl
def get_ocr_engine(options: Namespace | None) -> OcrEngine | None:
    """The engine, unless another one is asked for."""
    wanted = "auto" if options is None else getattr(options, "ocr_engine", "auto")
    return IsotropeEngine() if wanted == "auto" else None


@hookimpl
def check_options(options: Namespace) -> None:
    """Have the text laid over the page by us, each line at its own angle, by default."""
    if options.pdf_renderer == "auto":
        options.pdf_renderer = "sandwich"


def _read(file: Path, options: Namespace) -> Page:
    """Read an image of one page."""
    threads = None if getattr(options, "jobs", None) == 1 else 1  # there is a process per core
    (page,) = _reader(threads).read_pages(file)
    return page


@cache
def _reader(threads: int | None) -> Reader:
    """The reader of this process."""
    from isotrope.ocr.reader import Reader

    return Reader.from_pretrained(threads=threads)


def _write_text(page: Page, file: Path) -> None:
    file.write_text(page.text + "\n" if page.text else "", encoding="utf-8", errors="replace")
