"""The regions of a page in reading order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from isotrope.ocr.document import Line, Region
from isotrope.ocr.geometry import Points, box, rounded
from isotrope.ocr.order.boxes import Box, block_box, length, level, line_box, typical_height
from isotrope.ocr.order.columns import Zone, zones
from isotrope.ocr.order.directions import apart, directions
from isotrope.ocr.order.joining import joined, pieces
from isotrope.ocr.order.linking import linked
from isotrope.ocr.order.sheets import edges, spread

_TURNED = 20.0
"""A line turned from the rest by more degrees than this is read apart from them."""

_LARGE = 1.25
"""A heading's letters are larger than those of most lines by at least this factor."""

_EDGE = 0.5
"""The edge of the image cuts a line that comes closer to it than so many heights."""

_SHORT = 3.0
"""The angle of a line shorter than so many heights says little."""


def regions(lines: Sequence[Line], size: tuple[float, float]) -> tuple[Region, ...]:
    """Put the lines of a page into regions and the regions into reading order.

    Columns are read one after the other, with what runs across them; tables row by row; notes in
    the margin after the paragraph beside which they begin; the left page of a spread before the
    right. Lines that run in another direction than most are ordered where they are level, and come
    where their block stands among the others. The result does not depend on the order of `lines`.

    Args:
        lines: In any order, where the page is upright.
        size: Width and height of the page, px.
    """
    lines = sorted(lines, key=lambda line: (line.polygon, line.baseline, line.text))
    if not lines:
        return ()
    return tuple(
        _region([lines[i] for i in members], kind, angle)
        for members, kind, angle in _parts(lines, size)
    )


def _at_edge(line: Line, width: float, height: float) -> bool:
    left, _, right, _ = box(line.polygon)
    return left < _EDGE * height or right > width - _EDGE * height


_Part = tuple[list[int], str, float]
"""Lines of a region, its kind, and the angle of its text."""


def _parts(lines: Sequence[Line], size: tuple[float, float]) -> list[_Part]:
    lengths = [length(line.baseline) for line in lines]
    angles = [line.orientation + line.slant for line in lines]
    boxes = [line_box(i, line.polygon, line.baseline, angles[i]) for i, line in enumerate(lines)]
    short = [b.width < _SHORT * b.height for b in boxes]
    (angle, main), *others = directions(angles, lengths, short)

    def at(angle: float, members: Sequence[int]) -> list[Box]:
        boxes = [line_box(i, lines[i].polygon, lines[i].baseline, angle) for i in members]
        return [replace(b, cut=_at_edge(lines[b.index], size[0], b.height)) for b in boxes]

    inside = list(main)
    blocks: list[tuple[float, list[Box]]] = []
    for other, members in others:
        for group in linked(at(other, members)):
            if abs(apart(other, angle)) <= _TURNED and len(group) < 3:
                inside += [b.index for b in group]
            else:
                blocks.append((other, group))
    everything = at(angle, inside) + [
        block_box(len(lines) + k, [lines[b.index].polygon for b in group], angle)
        for k, (_, group) in enumerate(blocks)
    ]
    found: list[_Part] = []
    for zone in _page(everything, size):
        plain: list[int] = []
        for item in zone.boxes:
            if not item.block:
                plain.append(item.index)
                continue
            if plain:
                found.append((plain, zone.kind, angle))
                plain = []
            other, group = blocks[item.index - len(lines)]
            found += [([b.index for b in z.boxes], z.kind, other) for z in _zones(group)]
        if plain:
            found.append((plain, zone.kind, angle))
    return found


def _page(boxes: Sequence[Box], size: tuple[float, float]) -> list[Zone]:
    """The zones of an image, with its headers, footers and headings."""
    found = []
    typical = typical_height(boxes)
    for page in spread(boxes, *size):
        top, text, bottom = edges(page, size[1])
        found += [Zone((b,), "header") for b in top]
        found += [_heading(zone, typical) for zone in _zones(text)]
        found += [Zone((b,), "footer") for b in bottom]
    return found


def _heading(zone: Zone, typical: float) -> Zone:
    lines = [b for b in zone.boxes if not b.block]
    if zone.kind != "text" or not lines or len(lines) > 3:
        return zone
    large = all(b.height > _LARGE * typical for b in lines)
    return replace(zone, kind="heading") if large else zone


def _zones(boxes: Sequence[Box]) -> list[Zone]:
    """The zones of a part of a page."""
    return [replace(zone, boxes=tuple(pieces(zone.boxes))) for zone in zones(joined(boxes))]


def _region(lines: list[Line], kind: str, angle: float) -> Region:
    """Put a box around lines where they are level."""
    outlines = (point for line in lines for point in level(line.polygon, angle))
    left, top, right, bottom = box(outlines)
    corners: Points = ((left, top), (right, top), (right, bottom), (left, bottom))
    count = Counter(line.orientation for line in lines)
    orientation = min(count, key=lambda o: (-count[o], o))
    return Region(tuple(lines), rounded(level(corners, -angle)), orientation, kind)
