"""JSON Lines (https://jsonlines.org): one object per line and nothing around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from isotrope.ocr.formats.json import json_object, json_objects
from isotrope.ocr.formats.rows import Result


def jsonl_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """Yield the same object for each reading as `json`, always with the file."""
    return map(json_object, json_objects(results, turns))
