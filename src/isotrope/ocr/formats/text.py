"""Lines for people and pipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from isotrope.ocr.formats.rows import Result, field, file_name, same_text
from isotrope.ocr.reading import Reading


def text_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """Yield `FILE<TAB>TEXT`, or without `names` only the text, which is then not escaped."""
    for file, readings in results:
        if len(turns) > 1:
            yield f"{field(file_name(file))}\t{_turned_text(readings, turns)}"
        elif names:
            yield f"{field(file_name(file))}\t{field(readings[0].text)}"
        else:
            yield readings[0].text


def _turned_text(readings: Sequence[Reading], turns: Sequence[int]) -> str:
    if same_text(readings):
        reported = " ".join(f"{reading.orientation}°" for reading in readings)
        return f"{field(readings[0].text)}\tsame at all turns, found at {reported}"
    return "\t".join(
        f"{turn}°: {field(reading.text)}" for turn, reading in zip(turns, readings, strict=True)
    )
