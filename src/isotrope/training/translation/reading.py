"""Read lines once with a frozen recognizer and keep the features of their characters on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isotrope.io.files import replacing
from isotrope.ocr.translation.columns import ColumnReader

SHARD = 100
"""Lines of a file."""


@dataclass(frozen=True, eq=False)
class ReadLine:
    """A line that was read.

    Args:
        key: What it shows: its source sentence, or the name of its image.
        text: What was read.
        features: One vector per character of `text`, float16.
    """

    key: str
    text: str
    features: np.ndarray


def read_lines(
    reader: ColumnReader,
    draw: Callable[[int], tuple[np.ndarray, str] | None],
    count: int,
    folder: Path,
    report: Callable[[int], None] = lambda done: None,
) -> list[ReadLine]:
    """Read `count` lines, or load those that an earlier run has read.

    Args:
        reader: The recognizer.
        draw: The image of a line by its number, and its key; None: leave it out.
        count: The number of lines.
        folder: Where files of `SHARD` lines are kept.
        report: Called with the number of lines after each file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[ReadLine] = []
    for first in range(0, count, SHARD):
        numbers = range(first, min(first + SHARD, count))
        path = folder / f"{numbers.start:06}-{numbers.stop:06}.npz"
        if not path.is_file():
            _save(path, [line for n in numbers if (line := _read(reader, draw(n))) is not None])
        lines += _load(path)
        report(numbers.stop)
    return lines


def _read(reader: ColumnReader, drawn: tuple[np.ndarray, str] | None) -> ReadLine | None:
    if drawn is None:
        return None
    image, key = drawn
    found = reader.read(image)
    if not found.read.text:
        return None
    return ReadLine(key, found.read.text, found.features.astype(np.float16))


def _save(path: Path, lines: list[ReadLine]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            keys=np.array([line.key for line in lines], np.str_),
            texts=np.array([line.text for line in lines], np.str_),
            features=np.concatenate([line.features for line in lines])
            if lines
            else np.zeros((0, 1), np.float16),
        )


def _load(path: Path) -> Iterator[ReadLine]:
    with np.load(path) as stored:
        keys, texts, features = (stored[name] for name in ("keys", "texts", "features"))
    start = 0
    for key, text in zip(keys.tolist(), texts.tolist(), strict=True):
        yield ReadLine(key, text, features[start : start + len(text)])
        start += len(text)
