"""Output formats for whole pages; those for word and line crops are in `isotrope.ocr.formats`.

- `text`: the text in reading order; a form feed between pages.
- `jsonl`: one page per line, with all that is known of it (`isotrope.ocr.document_json`).

To add a format, write a `PageFormat` in a file beside these and add its line to `PAGE_FORMATS`.
Another package adds one as an entry point of the group `isotrope.page_formats`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from isotrope.ocr.formats.pages.base import PageFormat, PageWriter, Source, file_of
from isotrope.ocr.formats.pages.jsonl import JSONL
from isotrope.ocr.formats.pages.text import TEXT

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
    "jsonl": JSONL,
}
"""The formats that come with isotrope."""

_GROUP = "isotrope.page_formats"


def page_format_names() -> list[str]:
    """List the names of all formats: ours first, then those from other packages."""
    return list(dict.fromkeys([*PAGE_FORMATS, *sorted(entry_points(group=_GROUP).names)]))


def page_format(name: str) -> PageFormat:
    """Return a format by its name; ours take precedence over those of other packages.

    Raises:
        ValueError: There is no format of this name.
    """
    if name in PAGE_FORMATS:
        return PAGE_FORMATS[name]
    for entry in entry_points(group=_GROUP, name=name):
        return entry.load()
    raise ValueError(f"no format {name!r}; choose one of {', '.join(page_format_names())}")
