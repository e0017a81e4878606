"""Lines that a detector found across a gutter are cut there, by the white space on the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.geometry import direction
from isotrope.ocr.order.boxes import Box, length, line_box, typical_height
from isotrope.ocr.order.cutting import cut
from isotrope.ocr.order.directions import directions

_GAP = 0.5
"""A gutter is at least so many heights wide in each line across it."""

_COLUMN = 5
"""It is at least so many heights from the ends of such a line."""

_ROWS = 8
"""At least so many lines one under the other leave it white or end at it, ..."""

_SURE = 3
"""Fewer lines are cut only if there are others above and below."""

_CONTRAST = 30
"""Ink is darker than paper by at least so many gray levels of 255."""

_AWAY = 8
"""... none further from the next than so many heights."""

_TIMES = 3
"""A page is parted at most so many times."""


@dataclass(frozen=True)
class _Gaps:
    """A line, and the spans from left to right where it is white."""

    box: Box
    spans: tuple[tuple[float, float], ...]


def parted(lines: Sequence[DetectedLine], pixels: np.ndarray) -> list[DetectedLine]:
    """Cut lines at gutters: where many lines, one under the other, are white at one place.

    Where columns are close, a detector may find one line across both. A space between words is not
    taken for a gutter, since the spaces of many lines are not under each other.

    Args:
        lines: In any order.
        pixels: The page, `(H, W, 3)` uint8.
    """
    if len(lines) < _ROWS:
        return list(lines)
    lengths = [length(line.baseline) for line in lines]
    angle, members = directions(
        [direction(line.baseline) for line in lines],
        lengths,
        [far < 2 * line.height for far, line in zip(lengths, lines, strict=True)],
        period=180,
    )[0]
    boxes = [line_box(i, lines[i].polygon, lines[i].baseline, angle) for i in members]
    height = typical_height(boxes)
    gray = pixels[:, :, 1]  # green is close to what an eye sees
    found = [_Gaps(b, _white(b, gray, angle, height)) for b in boxes]
    cuts: dict[int, list[float]] = {}
    for _ in range(_TIMES):
        x, crossed = _gutter(sorted(found, key=lambda g: (g.box.middle, g.box.left)), height)
        if not crossed:
            break
        for gaps in crossed:
            cuts.setdefault(gaps.box.index, []).append(x)
        found = [part for g in found for part in (_halves(g, x) if g in crossed else (g,))]
    return [
        part for i, line in enumerate(lines) for part in cut(line, sorted(cuts.get(i, ())), angle)
    ]


def _white(
    box: Box, gray: np.ndarray, degrees: float, height: float
) -> tuple[tuple[float, float], ...]:
    """The spans of a line that are white for at least the width of a gutter."""
    if box.width < 2 * _COLUMN * height:
        return ()
    step = max(1.0, height / 12)
    xs = np.arange(box.left, box.right, step)
    ys = np.interp(xs, box.xs, box.ys)[:, None] + 0.35 * box.height * np.linspace(-1, 1, 9)
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    columns = np.clip(xs[:, None] * cos + ys * sin, 0, gray.shape[1] - 1).astype(int)
    rows = np.clip(ys * cos - xs[:, None] * sin, 0, gray.shape[0] - 1).astype(int)
    values = gray[rows, columns]
    ordered = np.sort(values, axis=None)
    ink, paper = (float(ordered[int(share * ordered.size)]) for share in (0.05, 0.8))
    if paper - ink < _CONTRAST:
        return ()
    white = np.concatenate([[False], values.min(1) > (ink + paper) / 2, [False]])
    starts, stops = np.flatnonzero(np.diff(white.astype(int))).reshape(-1, 2).T
    spans = zip(xs[starts].tolist(), (xs[stops - 1] + step).tolist(), strict=True)
    return tuple((a, b) for a, b in spans if b - a >= _GAP * height)


def _gutter(found: Sequence[_Gaps], height: float) -> tuple[float, list[_Gaps]]:
    """Where most lines, sorted from top to bottom, are white, and which are cut there."""
    best, where, crossed = 0.0, 0.0, []
    for x in sorted({round(4 * (a + b) / height) * height / 8 for g in found for a, b in g.spans}):
        score, through = _through(found, x, height)
        if score > best:
            best, where, crossed = score, x, through
    if crossed:
        spans = [span for g in crossed if (span := _span(g, where))]
        where = (max(a for a, _ in spans) + min(b for _, b in spans)) / 2
    return where, crossed


def _through(found: Sequence[_Gaps], x: float, height: float) -> tuple[float, list[_Gaps]]:
    """How many lines make a gutter at `x`, and which of them go through it."""
    score = 0.0
    through: list[_Gaps] = []
    for run in _runs(found, x, height):
        whole = [k for k, (_, crosses) in enumerate(run) if crosses]
        rows = (len(run) + len(whole)) / 2  # of the others, two make a row
        inner = whole and whole[0] > 0 and whole[-1] < len(run) - 1
        if rows >= _ROWS and (inner or len(whole) >= _SURE):
            score += rows
            through += [run[k][0] for k in whole]
    return score, through


def _runs(found: Sequence[_Gaps], x: float, height: float) -> Iterator[list[tuple[_Gaps, bool]]]:
    """Lines one under the other that end near `x` or, marked so, go through it and are white."""
    run: list[tuple[_Gaps, bool]] = []
    for gaps in found:
        box = gaps.box
        if not box.left - _COLUMN * height < x < box.right + _COLUMN * height:
            continue
        inside = min(x - box.left, box.right - x)
        white = _span(gaps, x) is not None
        ink = inside > height / 2 and not white
        if ink or (run and box.middle - run[-1][0].box.middle > _AWAY * height):
            yield run
            run = []
        if not ink:
            run.append((gaps, white and inside >= _COLUMN * height))
    yield run


def _span(gaps: _Gaps, x: float) -> tuple[float, float] | None:
    """The white span at `x`."""
    return next(((a, b) for a, b in gaps.spans if a < x < b), None)


def _halves(gaps: _Gaps, x: float) -> tuple[_Gaps, _Gaps]:
    """A line on both sides of a cut."""
    return (
        _Gaps(replace(gaps.box, right=x), tuple(s for s in gaps.spans if s[1] < x)),
        _Gaps(replace(gaps.box, left=x), tuple(s for s in gaps.spans if s[0] > x)),
    )
