"""What the formats share: results, rows of their values, fields of a line."""

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
        """The lines of a file, without their ends, each as soon as its result is there.

        Args:
            results: Files and their readings, one for each of `turns`.
            turns: The turns they were read at, degrees counter-clockwise.
            names: Whether each text needs its file's name; False where there is a single file.
        """
        ...


def rows(
    results: Iterable[Result], turns: Sequence[int]
) -> Iterator[tuple[Reading, dict[str, Any]]]:
    """Each reading, and the values that every format with columns gives of it, by their names."""
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
    """Whether all readings say the same."""
    return len({reading.text for reading in readings}) == 1


def file_name(file: str | Path) -> str:
    """A file's name, with bytes that are not UTF-8 replaced: the output is UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")


def field(text: str) -> str:
    """A text as a field of a line: tabs, line ends and backslashes escaped."""
    return text.translate(_ESCAPES)
