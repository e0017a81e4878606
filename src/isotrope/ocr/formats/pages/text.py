"""Plain text: a form feed between pages, an empty line between regions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of


def text_pages(
    pages: Iterable[Page], source: Callable[[Page], Source] = file_of
) -> Iterator[bytes]:
    """Yield the text of each page with a newline after it; nothing for a page without text."""
    before = ""
    for page in pages:
        yield (before + (page.text and page.text + "\n")).encode("utf-8", "replace")
        before = "\f"


TEXT = PageFormat(text_pages, ".txt")
"""The format `text`."""
