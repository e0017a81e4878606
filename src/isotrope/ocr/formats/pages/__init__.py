"""Output formats for whole pages; those for word and line crops are in `isotrope.ocr.formats`.

- `text`: the text in reading order; a form feed between pages.
- `md`: Markdown, with headings and tables; a rule between pages.
- `tsv`: Tesseract's columns, with a row per page, region, line and word.
- `jsonl`: one page per line, with all that is known of it (`isotrope.ocr.document_json`).
- `hocr`: XHTML with the layout in its attributes, as Tesseract writes it.
- `alto`: ALTO 4.4, with baselines, turns, and confidences of words and characters.
- `page`: PAGE-XML 2019, with the reading order; one page per file.
- `pdf`: searchable PDF: the page as it is, with its text invisible in place. Needs pikepdf.

To add a format, write a `PageFormat` in a file beside these and add its line to `PAGE_FORMATS`.
Another package adds one as an entry point of the group `isotrope.page_formats`.
"""

from __future__ import annotations

from isotrope.ocr.formats.pages.alto import ALTO
from isotrope.ocr.formats.pages.base import PageFormat, PageWriter, Source, file_of
from isotrope.ocr.formats.pages.hocr import HOCR
from isotrope.ocr.formats.pages.jsonl import JSONL
from isotrope.ocr.formats.pages.markdown import MARKDOWN
from isotrope.ocr.formats.pages.pagexml import PAGE
from isotrope.ocr.formats.pages.pdf import PDF
from isotrope.ocr.formats.pages.text import TEXT
from isotrope.ocr.formats.pages.tsv import TSV
from isotrope.ocr.formats.registry import Registry

__all__ = [
    "PAGE_FORMATS",
    "PageFormat",
    "PageWriter",
    "Source",
    "file_of",
    "page_format",
    "page_format_names",
]

PAGE_FORMATS: dict[str, PageFormat] = {
    "text": TEXT,
    "md": MARKDOWN,
    "tsv": TSV,
    "jsonl": JSONL,
    "hocr": HOCR,
    "alto": ALTO,
    "page": PAGE,
    "pdf": PDF,
}
"""The formats that come with isotrope."""

_REGISTRY = Registry(PAGE_FORMATS, "isotrope.page_formats")


def page_format_names() -> list[str]:
    """List the names of all formats: ours first, then those from other packages."""
    return _REGISTRY.names()


def page_format(name: str) -> PageFormat:
    """Return a format by its name; ours take precedence over those of other packages.

    Raises:
        ValueError: There is no format of this name.
    """
    return _REGISTRY.get(name)
