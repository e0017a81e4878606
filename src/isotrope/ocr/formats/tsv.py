"""Tab-separated values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from isotrope.ocr.formats.rows import Result, field, rows


def tsv_lines(
    results: Iterable[Result], turns: Sequence[int] = (0,), names: bool = True
) -> Iterator[str]:
    """Yield a header and one row per reading, always with the file."""
    header = ["file", "text", "confidence", "orientation", "turn"]
    yield "\t".join(header if len(turns) > 1 else header[:-1])
    for _, row in rows(results, turns):
        yield "\t".join(field(str(value)) for value in row.values())
