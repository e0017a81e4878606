"""One JSON array, an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from isotrope.ocr.formats.rows import Result, rows


def json_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """The lines of one array with an object for each reading; the file is always in it."""
    return json_array(json_objects(results, turns))


def json_objects(results: Iterable[Result], turns: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Each reading with its slant, degrees, the confidence of each character, and its warnings."""
    for reading, row in rows(results, turns):
        characters = [round(confidence, 4) for confidence in reading.characters]
        yield row | {
            "slant": round(reading.slant, 1),
            "characters": characters,
            "warnings": reading.warnings,
        }


def json_array(objects: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of one JSON array, an object a line."""
    # The comma goes before an object, because only the next one tells that there is one.
    before = "["
    for entry in objects:
        yield before + json_object(entry)
        before = ","
    yield "]" if before == "," else "[]"


def json_object(entry: dict[str, Any]) -> str:
    """An object on one line, its letters as they are."""
    return json.dumps(entry, ensure_ascii=False)
