"""Parse XML safely, and find the elements of a page in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element as Element

from isotrope.io.errors import ImageError, enough_memory, reason
from isotrope.io.steady import SteadyFile

Point = tuple[float, float]

FARTHEST = 1e6
"""Largest absolute value of a coordinate, px; no scan is larger."""

MOST_POINTS = 10_000
"""Maximum number of points of an outline; those that programs find have hundreds."""


@dataclass(frozen=True)
class LineTranscript:
    """A line, in pixels of the page.

    Args:
        corners: The corners `(x, y)` of its polygon.
        text: Unchanged, and may be empty.
        baseline: Two or more points `(x, y)` from the start of the text to its end; empty if the
            file has none, or none that can be used.
        region: Number of the element that contains the line in the file, from 0; lines of one
            region have the same number.
        key: The line's id; empty if it has none.
        confidence: The confidence that the file gives the text, which a program has set; None if it
            gives none.
        orientation: The turn of the text from upright in degrees counter-clockwise, from the
            baseline, or else what the file says about the region or the page.
    """

    corners: tuple[Point, ...]
    text: str
    baseline: tuple[Point, ...] = ()
    region: int = 0
    key: str = ""
    confidence: float | None = None
    orientation: float = 0.0


@dataclass(frozen=True)
class Schema:
    """How to read a format: the page data in its root element, and the contents of a `TextLine`.

    Args:
        head: Returns the name of the image, if any, and its recorded width and height, px.
        line: Returns the polygon and the text of a line; raises `ValueError` if something is
            missing.
        turned: The attribute with the orientation of a region or page.
    """

    head: Callable[[Element], tuple[str | None, Point | None]]
    line: Callable[[Element], LineTranscript]
    turned: str


def parse(file: Path) -> Element:
    """Parse an XML file and return its root. Opens no other file and expands no entity.

    Raises:
        ValueError: The file is broken, or uses entities other than the five of XML.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        with enough_memory(), SteadyFile(file) as content:
            tree = etree.parse(content, parser)
    except (etree.XMLSyntaxError, OSError, ImageError) as error:
        problem = reason(error).partition(";")[0]
        raise ValueError(f"{file} is not whole XML ({problem}); export it again") from error
    schema = tree.docinfo.internalDTD
    declared = schema is not None and any(True for _ in schema.iterentities())
    used = next(tree.iter(etree.Entity), None) is not None  # from a schema that was not loaded
    if declared or used:
        raise ValueError(f"{file} has XML entities of its own; export it without a DOCTYPE")
    return tree.getroot()


def name_of(element: Element) -> str:
    """Tag name without the namespace, which changes with every version of the formats."""
    return str(element.tag).rpartition("}")[2]


def child(element: Element, name: str) -> Element | None:
    """Find the first direct child with this name."""
    return next((e for e in element if name_of(e) == name), None)


def first(root: Element, name: str) -> Element | None:
    """Find the first element with this name at any depth."""
    return next((e for e in root.iter() if name_of(e) == name), None)


def size_of(page: Element | None, width: str, height: str) -> Point | None:
    """Width and height of a page, px; None if they are missing or out of range."""
    if page is None:
        return None
    sides = float(page.get(width) or 0), float(page.get(height) or 0)
    return sides if all(1 <= side <= FARTHEST for side in sides) else None


def points(text: str) -> tuple[Point, ...]:
    """Parse `"1,2 3,4"` or `"1 2 3 4"` as pairs.

    Raises:
        ValueError: The points are not a polygon, or a coordinate is out of range.
    """
    numbers = _numbers(text)
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"the outline {text[:40]!r} is no polygon")
    if len(numbers) > 2 * MOST_POINTS:
        raise ValueError(f"an outline of more than {MOST_POINTS} points")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def baseline_points(text: str | None) -> tuple[Point, ...]:
    """Parse a baseline like `points`; empty if it is missing, broken or shorter than 1 px.

    A line without a baseline is still a line, so nothing is raised.
    """
    try:
        numbers = _numbers(text or "")
    except ValueError:
        return ()
    if len(numbers) < 4 or len(numbers) % 2:
        return ()
    found = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return found if math.dist(found[0], found[-1]) >= 1 else ()


def confidence_of(*written: str | None) -> float | None:
    """The least of the confidences that are numbers in [0, 1]; None if there is none."""
    found = []
    for text in written:
        try:
            found.append(float(text or ""))
        except ValueError:
            continue
    return min((value for value in found if 0 <= value <= 1), default=None)


def orientation_of(line: Element, baseline: tuple[Point, ...], turned: str) -> float:
    """`LineTranscript.orientation`, in (-180, 180]."""
    if baseline:
        (x0, y0), (x1, y1) = baseline[0], baseline[-1]
        return math.degrees(math.atan2(y0 - y1, x1 - x0))
    for element in line.iterancestors():
        try:
            degrees = coordinate(element.get(turned, ""))
        except ValueError:
            continue
        return 180 - (180 - degrees) % 360
    return 0.0


def _numbers(text: str) -> list[float]:
    return [coordinate(number) for number in text.replace(",", " ").split()]


def coordinate(text: str) -> float:
    """Parse a coordinate in pixels.

    Raises:
        ValueError: The text is not a number, or the number is infinite or beyond `FARTHEST`.
    """
    number = float(text)
    if not math.isfinite(number) or abs(number) > FARTHEST:
        raise ValueError(f"the coordinate {text} is not within any image")
    return number
