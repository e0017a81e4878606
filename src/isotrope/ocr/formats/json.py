"""One JSON array, one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from isotrope.ocr.formats.rows import Result, rows


def json_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """Yield the lines of an array with one object per reading, always with the file."""
    return json_array(json_objects(results, turns))


def json_objects(results: Iterable[Result], turns: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield each reading with its slant in degrees, character confidences, warnings, adapter.

    A translation also has what was read, as `source`.
    """
    for reading, row in rows(results, turns):
        characters = [round(confidence, 4) for confidence in reading.characters]
        source = {"source": reading.source} if reading.source else {}
        yield row | {
            **source,
            "slant": round(reading.slant, 1),
            "characters": characters,
            "warnings": reading.warnings,
            "adapter": reading.adapter,
        }


def json_array(objects: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a JSON array, one object per line."""
    # The comma is written before an object, since only then is it known that another follows.
    before = "["
    for entry in objects:
        yield before + json_object(entry)
        before = ","
    yield "]" if before == "," else "[]"


def json_object(entry: dict[str, Any]) -> str:
    """Format an object on one line, without escaping non-ASCII letters."""
    return json.dumps(entry, ensure_ascii=False)
