"""JSON Lines (https://jsonlines.org): an object a line, and nothing around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from isotrope.ocr.formats.json import json_object, json_objects
from isotrope.ocr.formats.rows import Result


def jsonl_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """An object for each reading, the same as in `json`; the file is always in it."""
    return map(json_object, json_objects(results, turns))
