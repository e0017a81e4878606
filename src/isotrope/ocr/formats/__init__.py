r"""Output formats: each turns results into lines without line ends.

- `text`: only the text for a single image; else `FILE<TAB>TEXT`, as grep does.
- `tsv`: a header line, then one line for each reading.
- `json`: one array, one object per line, including the slant and each character's confidence.
- `jsonl`: the same objects, one per line without an array, so each can be used at once.

In text and TSV fields, tabs, line ends and backslashes are written \t, \n, \r, \\. An image read at
several turns has a row for each in TSV and JSON, with a column `turn`. In text it has one line,
which shows one text if all agree and all texts if they differ.

To add a format, write a `Writer` in a file beside these and add its line to `FORMATS`. Another
package adds one as an entry point of the group `isotrope.formats`.
"""

from __future__ import annotations

from isotrope.ocr.formats.json import json_array, json_lines
from isotrope.ocr.formats.jsonl import jsonl_lines
from isotrope.ocr.formats.registry import Registry
from isotrope.ocr.formats.rows import Result, Writer, field, file_name, same_text
from isotrope.ocr.formats.text import text_lines
from isotrope.ocr.formats.tsv import tsv_lines

__all__ = [
    "FORMATS",
    "Result",
    "Writer",
    "field",
    "file_name",
    "format_names",
    "json_array",
    "same_text",
    "writer",
]

FORMATS: dict[str, Writer] = {
    "text": text_lines,
    "tsv": tsv_lines,
    "json": json_lines,
    "jsonl": jsonl_lines,
}
"""The formats that come with isotrope."""

_REGISTRY = Registry(FORMATS, "isotrope.formats")


def format_names() -> list[str]:
    """List the names of all formats: ours first, then those from other packages."""
    return _REGISTRY.names()


def writer(name: str) -> Writer:
    """Return the writer of a format; ours take precedence over those of other packages.

    Raises:
        ValueError: There is no format of this name.
    """
    return _REGISTRY.get(name)
