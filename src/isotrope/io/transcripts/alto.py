"""Read ALTO, the format used by libraries.

Source: https://www.loc.gov/standards/alto, versions 2 to 4.
"""

from __future__ import annotations

from isotrope.io.transcripts.elements import (
    Element,
    LineTranscript,
    Point,
    Schema,
    baseline_points,
    child,
    confidence_of,
    coordinate,
    first,
    name_of,
    points,
    size_of,
)


def _head(root: Element) -> tuple[str | None, Point | None]:
    texts = {name_of(e): (e.text or "").strip() for e in root.iter() if len(e) == 0}
    unit = texts.get("MeasurementUnit", "pixel")
    if unit != "pixel":  # ALTO's other units need the scan's resolution, which it does not give
        raise ValueError(f"its coordinates are in {unit}, not in pixels; export it in pixels")
    return texts.get("fileName"), size_of(first(root, "Page"), "WIDTH", "HEIGHT")


def _line(line: Element) -> LineTranscript:
    shape = child(line, "Shape")  # the line's own shape, not a word's
    polygon = child(shape, "Polygon") if shape is not None else None
    corners = points(polygon.get("POINTS", "")) if polygon is not None else _box(line)
    text, last = "", None
    for element in line:
        name = name_of(element)
        # SP may be left out between two words, and HYP ends the line.
        text += " " if name == "SP" or name == last == "String" else ""
        text += element.get("CONTENT", "") if name in ("String", "HYP") else ""
        last = name
    sure = confidence_of(*(element.get("WC") for element in line if name_of(element) == "String"))
    baseline = _baseline(line, corners)
    return LineTranscript(corners, text, baseline, key=line.get("ID", ""), confidence=sure)


def _baseline(line: Element, corners: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points of version 4, or the one height of versions 2 and 3."""
    listed = line.get("BASELINE", "")
    if listed and len(listed.replace(",", " ").split()) == 1:
        xs = [x for x, _ in corners]
        listed = f"{min(xs)},{listed} {max(xs)},{listed}"
    return baseline_points(listed)


def _box(line: Element) -> tuple[Point, ...]:
    sides = [line.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if None in sides:
        raise ValueError("no outline")
    x, y, width, height = (coordinate(side) for side in sides if side is not None)
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


ALTO = Schema(_head, _line, "ROTATION")
"""The schema for files with the root `alto`."""
