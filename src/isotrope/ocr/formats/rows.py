"""Shared by the formats: results, rows of values, fields of a line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from isotrope.ocr.reading import Reading

Result = tuple[str | Path, Sequence[Reading]]
"""A file, and its reading at each turn."""

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Writer(Protocol):
    """A format: a function from results to lines."""

    def __call__(
        self, results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
    ) -> Iterator[str]:
        """Yield the lines of a file without line ends, each as soon as its result is ready.

        Args:
            results: Files and their readings, one for each of `turns`.
            turns: The turns at which they were read, in degrees counter-clockwise.
            names: Whether to write the file's name with each text; False for a single file.
        """
        ...


def rows(
    results: Iterable[Result], turns: Sequence[int]
) -> Iterator[tuple[Reading, dict[str, Any]]]:
    """Yield each reading with its values by column name, as formats with columns show them."""
    for file, readings in results:
        for reading, turn in zip(readings, turns, strict=True):
            row = {
                "file": file_name(file),
                "text": reading.text,
                "confidence": round(reading.confidence, 4),
                "orientation": reading.orientation,
            }
            yield reading, row | {"turn": turn} if len(turns) > 1 else row


def same_text(readings: Sequence[Reading]) -> bool:
    """Whether all readings have the same text."""
    return len({reading.text for reading in readings}) == 1


def file_name(file: str | Path) -> str:
    """Return a file's name with non-UTF-8 bytes replaced, because the output is UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")


def field(text: str) -> str:
    """Escape tabs, line ends and backslashes in a text."""
    return text.translate(_ESCAPES)
