"""The invisible text of a page as PDF operators."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import mean

from isotrope.ocr.document import Line, Page, Word
from isotrope.ocr.formats.pages.base import words_of
from isotrope.ocr.formats.pages.pdf.font import InvisibleFont
from isotrope.ocr.formats.pages.upright import level
from isotrope.ocr.geometry import Point, Points, box

Matrix = tuple[float, float, float, float, float, float]
"""(a, b, c, d, e, f): (x, y) goes to (a x + c y + e, b x + d y + f)."""

_OFF = 0.15
"""How far a word may be off the straight line that is written at once, in heights of the word."""

_LEAST_SPACE = 0.1  # width of a space between words that touch, in units of the font size


def text_of(page: Page, to_points: Matrix, font: InvisibleFont, name: str) -> bytes:
    """Write the text of a page, each line in its place and at its own angle.

    Args:
        to_points: From pixels of the page to points of the PDF page, where y points up.
        font: Gets the characters.
        name: That of the font in the page's resources, such as "/F1".
    """
    operators = [b"q", b"BT", b"3 Tr"]  # rendering mode 3: neither filled nor stroked
    for line in page.lines:
        pieces = [_mapped(piece, to_points) for piece in _pieces(line)]
        written = [part for run in _straight(pieces) for part in _written(run, font, name)]
        if written and line.orientation == 270:
            # pdfium puts texts that start at the same height in order from left to right, but the
            # lines of text that runs down go from right to left; a text in between keeps them apart
            written.append(f"<{font.code(' ', _LEAST_SPACE)[0]:04X}> Tj".encode())
        operators += written
    return b"\n".join([*operators, b"ET", b"Q", b""])


@dataclass(frozen=True)
class _Piece:
    """A word: the ends of its baseline, from left to right, and the height of its letters."""

    text: str
    start: Point
    end: Point
    height: float


def _pieces(line: Line) -> list[_Piece]:
    """The words of a line from left to right, as its reader sees them, in pixels."""
    found = [piece for word in words_of(line) if (piece := _piece(word, line.baseline))]
    if not found:
        return []
    longest = max(found, key=lambda piece: math.dist(piece.start, piece.end))
    (x0, y0), (x1, y1) = longest.start, longest.end
    return sorted(found, key=lambda p: (x1 - x0) * p.start[0] + (y1 - y0) * p.start[1])


def _piece(word: Word, baseline: Points) -> _Piece | None:
    """A word on its line; None if it has no text or no extent."""
    text = _as_seen(" ".join(word.text.split()))
    if not text or len(word.polygon) < 3:
        return None
    degrees = _angle(word.polygon)
    left, top, right, bottom = box(level(word.polygon, degrees))
    if right <= left or bottom <= top:
        return None
    below = _height_at((left + right) / 2, level(baseline, degrees), (top, bottom))
    start, end = level(((left, below), (right, below)), -degrees)
    return _Piece(text, start, end, bottom - top)


def _angle(polygon: Points) -> float:
    """Direction of a word's text: the mean of the edges along its top and its bottom."""
    half = len(polygon) // 2
    (x0, y0), (x1, y1) = (
        ((polygon[i][0] + polygon[j][0]) / 2, (polygon[i][1] + polygon[j][1]) / 2)
        for i, j in ((0, -1), (half - 1, half))
    )
    return math.degrees(math.atan2(y0 - y1, x1 - x0))


def _height_at(x: float, baseline: Points, within: tuple[float, float]) -> float:
    """Height of a level baseline at x, within a word; without a baseline, near its bottom."""
    top, bottom = within
    for (x0, y0), (x1, y1) in pairwise(sorted(baseline)):
        if x0 <= x <= x1 and x0 < x1:
            return min(max(y0 + (y1 - y0) * (x - x0) / (x1 - x0), top), bottom)
    if baseline:
        nearest = min(baseline, key=lambda point: abs(point[0] - x))
        return min(max(nearest[1], top), bottom)
    return bottom - (bottom - top) / 4


def _mapped(piece: _Piece, matrix: Matrix) -> _Piece:
    a, b, c, d, e, f = matrix
    start, end = ((a * x + c * y + e, b * x + d * y + f) for x, y in (piece.start, piece.end))
    return _Piece(piece.text, start, end, piece.height * math.sqrt(abs(a * d - b * c)))


def _straight(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Split a line where it curves: each part is written at once, and so stays together."""
    run: list[_Piece] = []
    for piece in pieces:
        if run and not _is_straight([*run, piece]):
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _is_straight(run: list[_Piece]) -> bool:
    x0, y0 = run[0].start
    cos, sin, length = _direction(run)
    return length > 0 and all(
        abs((y - y0) * cos - (x - x0) * sin) <= _OFF * piece.height
        for piece in run
        for x, y in (piece.start, piece.end)
    )


def _direction(run: list[_Piece]) -> tuple[float, float, float]:
    """Cosine and sine of a run's direction, and its length."""
    (x0, y0), (x1, y1) = run[0].start, run[-1].end
    length = math.dist((x0, y0), (x1, y1))
    return ((x1 - x0) / length, (y1 - y0) / length, length) if length > 0 else (1.0, 0.0, 0.0)


def _written(run: list[_Piece], font: InvisibleFont, name: str) -> list[bytes]:
    """Write words in one go: glyphs as wide as their characters, each moved to its place."""
    size = mean(piece.height for piece in run)
    cos, sin, length = _direction(run)
    if length < 1e-3 or size < 1e-3:
        return []
    shown, end = [], 0.0  # in units of the size, from the start of the run
    for character, start, width in _characters(run, size):
        code, glyph = font.code(character, width)
        if abs(moved := start - end) >= 1e-3:
            shown.append(f"{-1000 * moved:.0f}")
        shown.append(f"<{code:04X}>")
        end += (round(1000 * moved) / 1000 if abs(moved) >= 1e-3 else 0.0) + glyph
    x, y = run[0].start
    return [
        f"{name} {size:.3f} Tf".encode(),
        f"{cos:.6f} {sin:.6f} {-sin:.6f} {cos:.6f} {x:.3f} {y:.3f} Tm".encode(),
        f"[{''.join(shown)}] TJ".encode(),
    ]


def _characters(run: list[_Piece], size: float) -> Iterator[tuple[str, float, float]]:
    """The characters of words and the spaces between them: each with its start and its width."""
    cos, sin, _ = _direction(run)
    x0, y0 = run[0].start
    before: float | None = None
    for piece in run:
        start, end = (((x - x0) * cos + (y - y0) * sin) / size for x, y in (piece.start, piece.end))
        if before is not None:
            yield " ", before, max(start - before, _LEAST_SPACE)
        width = (end - start) / len(piece.text)
        for index, character in enumerate(piece.text):
            yield character, start + index * width, width
        before = end


def _as_seen(text: str) -> str:
    """The characters from left to right as they are seen; Hebrew and Arabic run the other way.

    Programs that take the text out put it into the order of reading.
    """
    kinds = [unicodedata.bidirectional(character) for character in text]
    if not {"R", "AL"} & set(kinds):
        return text
    ordered: list[str] = []
    for leftwards, run in groupby(zip(text, kinds, strict=True), lambda one: _runs_left(one[1])):
        characters = [character for character, _ in run]
        ordered = (characters[::-1] if leftwards else characters) + ordered
    return "".join(ordered)


def _runs_left(kind: str) -> bool:
    """Whether a character among Hebrew or Arabic ones goes their way: not Latin, not a number."""
    return kind not in ("L", "EN", "AN")
