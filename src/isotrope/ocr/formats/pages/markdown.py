"""Markdown (CommonMark and GitHub's tables): headings, paragraphs, tables, a rule between pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of
from isotrope.ocr.formats.pages.upright import angle, level_box

_INLINE = re.compile(r"[\\`*_\[\]<&|~$#]")
_AT_START = re.compile(r"(?P<sign>[-+=>:])|(?P<number>\d+)(?P<mark>[.)])")

Span = tuple[float, float]


def markdown_pages(
    pages: Iterable[Page], source: Callable[[Page], Source] = file_of
) -> Iterator[bytes]:
    """Yield the regions of each page, with an empty line between them."""
    before = ""
    for page in pages:
        regions = [text for text in map(_region, page.regions) if text]
        yield (before + "".join(text + "\n\n" for text in regions)[:-1]).encode("utf-8", "replace")
        before = "\n---\n\n"


def _region(region: Region) -> str:
    lines = [line for line in region.lines if line.text.strip()]
    match region.kind if lines else "":
        case "":
            return ""
        case "heading":
            return "## " + " ".join(_escaped(line.text) for line in lines)
        case "table":
            return _table(lines, angle(region))
    return "\n".join(_escaped(line.text) for line in lines)


def _table(lines: list[Line], degrees: float) -> str:
    """Lay out lines as the cells of a table; the first row is its header."""
    boxes = [level_box(line, degrees) for line in lines]
    columns = _merged([(left, right) for left, _, right, _ in boxes])
    rows = _merged([_middle(top, bottom) for _, top, _, bottom in boxes])
    cells = [[""] * len(columns) for _ in rows]
    for line, (left, top, right, bottom) in zip(lines, boxes, strict=True):
        row = cells[_index(rows, _middle(top, bottom))]
        column = _index(columns, (left, right))
        row[column] = " ".join(filter(None, [row[column], _escaped(line.text)]))
    cells.insert(1, ["---"] * len(columns))
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def _middle(top: float, bottom: float) -> Span:
    """The middle half of a line: neighbors of the same row share some of it, rows do not."""
    quarter = (bottom - top) / 4
    return top + quarter, bottom - quarter


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap; in ascending order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _index(spans: list[Span], inside: Span) -> int:
    """The index of the span that has another one in it."""
    inner, outer = inside
    return next(i for i, (start, end) in enumerate(spans) if start <= inner and outer <= end)


def _escaped(text: str) -> str:
    """Write a text so that Markdown shows it as it is, on one line."""
    text = _INLINE.sub(r"\\\g<0>", " ".join(text.split()))
    if start := _AT_START.match(text):
        sign = start["sign"] or start["mark"]
        return (start["number"] or "") + "\\" + sign + text[start.end() :]
    return text


MARKDOWN = PageFormat(markdown_pages, ".md")
"""The format `md`."""
