"""Read PAGE-XML, as exported by Transkribus and eScriptorium.

Source: https://github.com/PRImA-Research-Lab/PAGE-XML, versions 2010 to 2019.
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
    first,
    name_of,
    points,
    size_of,
)


def _head(root: Element) -> tuple[str | None, Point | None]:
    page = first(root, "Page")
    named = page.get("imageFilename") if page is not None else None
    return named, size_of(page, "imageWidth", "imageHeight")


def _line(line: Element) -> LineTranscript:
    outline = child(line, "Coords")
    readings = [e for e in line if name_of(e) == "TextEquiv"]
    # The first is the most likely; of two firsts, one without a confidence is a person's.
    readings.sort(key=lambda e: (int(e.get("index", 0)), confidence_of(e.get("conf")) is not None))
    text = child(readings[0], "Unicode") if readings else None
    if outline is None:
        raise ValueError("no outline")
    baseline = child(line, "Baseline")
    return LineTranscript(
        points(_listed(outline)),
        (text.text or "") if text is not None else "",
        baseline_points(_listed(baseline)) if baseline is not None else (),
        key=line.get("id", ""),
        confidence=confidence_of(readings[0].get("conf")) if readings else None,
    )


def _listed(points: Element) -> str:
    """The points as `"1,2 3,4"`; in the format of 2010 they are elements."""
    listed = points.get("points")
    if listed is not None:
        return listed
    return " ".join(f"{p.get('x')},{p.get('y')}" for p in points if name_of(p) == "Point")


PAGE = Schema(_head, _line, "orientation")
"""The schema for files with the root `PcGts`."""
