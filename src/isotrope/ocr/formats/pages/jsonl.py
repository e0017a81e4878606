"""JSON Lines (https://jsonlines.org): one page per line, with all that is known of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from isotrope.ocr.document import Page
from isotrope.ocr.document_json import page_to_json
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of


def jsonl_pages(
    pages: Iterable[Page], source: Callable[[Page], Source] = file_of
) -> Iterator[bytes]:
    """Yield a row per page; `isotrope.ocr.document_json.page_from_json` makes the page of it."""
    for page in pages:
        row = json.dumps(page_to_json(page), ensure_ascii=False)
        # A file name that is not UTF-8 has lone surrogates; this writes them as JSON escapes.
        yield row.encode("utf-8", "backslashreplace") + b"\n"


JSONL = PageFormat(jsonl_pages, ".jsonl")
"""The format `jsonl`."""
