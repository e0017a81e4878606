"""Searchable PDF: the page as it is, with its text invisible over it, word by word in place.

An image becomes a page that shows it: JPEG as it is, black and white by CCITT G4, others without
loss. A PDF stays as it is, with all of its pages; those that were read get a layer of text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of


def pdf_pages(pages: Iterable[Page], source: Callable[[Page], Source] = file_of) -> Iterator[bytes]:
    """Yield a PDF of the pages: images of any number of files, or pages of one PDF.

    Raises:
        ImageError: A picture cannot be opened.
        ValueError: There are no pages, or those of a PDF and of another file.
        ModuleNotFoundError: pikepdf or fontTools is not installed.
    """
    try:
        from isotrope.ocr.formats.pages.pdf.book import Book
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"writing PDF needs {error.name}; pip install 'isotrope[pdf]'", name=error.name
        ) from error

    with Book() as book:
        for page in pages:
            book.add(page, source(page))
        yield book.content()


PDF = PageFormat(pdf_pages, ".pdf", holds="file")
"""The format `pdf`."""
