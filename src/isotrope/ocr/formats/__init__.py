r"""How readings are written: each format turns results into lines, without their ends.

`text`: for a single image its text alone; else `FILE<TAB>TEXT`, as grep does.
`tsv`: a header line, then one line for each reading.
`json`: one array, one object a line, with the slant and the confidence of each character too.
`jsonl`: the same objects, one a line and no array, so a line can be used as soon as it is there.

Inside a field of text and TSV a tab, line end or backslash is written \t, \n, \r, \\.
Read at several turns, an image has a row for each in TSV and JSON, with a column `turn`; in text
it keeps one line, which shows one text where all are the same and all of them where they differ.

To add a format, write a `Writer` in a file beside these and add its line to `FORMATS`. Another
package adds one as an entry point of the group `isotrope.formats`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from isotrope.ocr.formats.json import json_array, json_lines
from isotrope.ocr.formats.jsonl import jsonl_lines
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

_GROUP = "isotrope.formats"


def format_names() -> list[str]:
    """The names of all formats: our own, then those that other packages bring."""
    return list(dict.fromkeys([*FORMATS, *sorted(entry_points(group=_GROUP).names)]))


def writer(name: str) -> Writer:
    """The writer of a format; our own come before those of other packages.

    Raises:
        ValueError: There is no format of this name.
    """
    if name in FORMATS:
        return FORMATS[name]
    for entry in entry_points(group=_GROUP, name=name):
        return entry.load()
    raise ValueError(f"no format {name!r}; choose one of {', '.join(format_names())}")
