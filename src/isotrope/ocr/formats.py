r"""How results leave: lines of text, TSV or JSON, and files that are complete or absent.

`text`: for a single image its text alone; else `FILE<TAB>TEXT`, as grep does.
`tsv`: a header line, then one line for each reading.
`json`: one array, one object a line, with the slant and the confidence of each character too.

Inside a field of text and TSV a tab, line end or backslash is written \t, \n, \r, \\.
Read at several turns, an image has a row for each in TSV and JSON, with a column `turn`; in text
it keeps one line, which shows one text where all are the same and all of them where they differ.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from isotrope.ocr.reading import Reading

Result = tuple[str | Path, Sequence[Reading]]
"""A file, and its reading at each turn."""

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def text_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """Lines for people and pipes.

    Args:
        results: Files and their readings, one for each of `turns`.
        turns: The turns they were read at, degrees counter-clockwise.
        names: Whether each text is preceded by its file; without, a text is not escaped.
    """
    for file, readings in results:
        if len(turns) > 1:
            yield f"{field(file_name(file))}\t{_turned_text(readings, turns)}"
        elif names:
            yield f"{field(file_name(file))}\t{field(readings[0].text)}"
        else:
            yield readings[0].text


def tsv_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """A header and a row for each reading; arguments as in `text_lines`, the file always there."""
    header = ["file", "text", "confidence", "orientation", "turn"]
    yield "\t".join(header if len(turns) > 1 else header[:-1])
    for _, row in _rows(results, turns):
        yield "\t".join(field(str(value)) for value in row.values())


def json_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """The lines of one JSON array; arguments as in `text_lines`, the file always there."""
    return json_array(
        row
        | {
            "slant": round(reading.slant, 1),
            "characters": [round(confidence, 4) for confidence in reading.characters],
        }
        for reading, row in _rows(results, turns)
    )


FORMATS: dict[str, Callable[..., Iterator[str]]] = {
    "text": text_lines,
    "tsv": tsv_lines,
    "json": json_lines,
}
"""The writers by name: each turns results into lines without their ends."""


def json_array(rows: Iterable[dict]) -> Iterator[str]:
    """The lines of one JSON array, an object a line."""
    # The comma goes before a row, because only the next row tells that there is one.
    before = "["
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ","
    yield "]" if before == "," else "[]"


def same_text(readings: Sequence[Reading]) -> bool:
    """Whether all readings say the same."""
    return len({reading.text for reading in readings}) == 1


def _rows(results: Iterable[Result], turns: Sequence[int]) -> Iterator[tuple[Reading, dict]]:
    for file, readings in results:
        for reading, turn in zip(readings, turns, strict=True):
            row = {
                "file": file_name(file),
                "text": reading.text,
                "confidence": round(reading.confidence, 4),
                "orientation": reading.orientation,
            }
            yield reading, row | {"turn": turn} if len(turns) > 1 else row


def _turned_text(readings: Sequence[Reading], turns: Sequence[int]) -> str:
    if same_text(readings):
        reported = " ".join(f"{reading.orientation}°" for reading in readings)
        return f"{field(readings[0].text)}\tsame at all turns, found at {reported}"
    return "\t".join(
        f"{turn}°: {field(reading.text)}" for turn, reading in zip(turns, readings, strict=True)
    )


def file_name(file: str | Path) -> str:
    """A file's name, its bytes that are no UTF-8 replaced: the output is UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")


def field(text: str) -> str:
    """A text as a field of a line: tabs, line ends and backslashes escaped."""
    return text.translate(_ESCAPES)
