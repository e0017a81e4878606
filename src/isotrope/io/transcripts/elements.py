"""XML without its dangers, and the elements of a page in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element as Element

Point = tuple[float, float]

FARTHEST = 1e6
"""The most pixels a coordinate may be from 0; no scan is larger."""


@dataclass(frozen=True)
class LineTranscript:
    """A line: the corners `(x, y)` of a polygon in pixels of the page, and what stands there."""

    corners: tuple[Point, ...]
    text: str


@dataclass(frozen=True)
class Schema:
    """How a format is read: what its root says of the page, and what a `TextLine` holds.

    Args:
        head: The image that is named, if any, and the width and height that it had, px.
        line: The polygon and the text of a line; `ValueError` says what it lacks.
    """

    head: Callable[[Element], tuple[str | None, Point | None]]
    line: Callable[[Element], LineTranscript]


def parse(file: Path) -> Element:
    """The root of an XML file. Nothing else is opened for it, and no entity is expanded.

    Raises:
        ValueError: It is broken, or has entities beyond those of XML itself.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        with file.open("rb") as content:
            tree = etree.parse(content, parser)
    except (etree.XMLSyntaxError, OSError) as error:
        raise ValueError(f"{file} is not whole XML ({error}); export it again") from error
    schema = tree.docinfo.internalDTD
    declared = schema is not None and any(True for _ in schema.iterentities())
    used = next(tree.iter(etree.Entity), None) is not None  # of a schema that was not loaded
    if declared or used:
        raise ValueError(f"{file} has XML entities of its own; export it without a DOCTYPE")
    return tree.getroot()


def name_of(element: Element) -> str:
    """Without the namespace, which changes with every version of the formats."""
    return str(element.tag).rpartition("}")[2]


def child(element: Element, name: str) -> Element | None:
    """The first of an element's own children of a name."""
    return next((e for e in element if name_of(e) == name), None)


def first(root: Element, name: str) -> Element | None:
    """The first element of a name anywhere below."""
    return next((e for e in root.iter() if name_of(e) == name), None)


def size_of(page: Element | None, width: str, height: str) -> Point | None:
    """Width and height that a page gives, px; None where it gives none that an image may have."""
    if page is None:
        return None
    sides = float(page.get(width) or 0), float(page.get(height) or 0)
    return sides if all(1 <= side <= FARTHEST for side in sides) else None


def points(text: str) -> tuple[Point, ...]:
    """`"1,2 3,4"` or `"1 2 3 4"` as pairs.

    Raises:
        ValueError: They are no polygon, or not within any image.
    """
    numbers = [coordinate(number) for number in text.replace(",", " ").split()]
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"the outline {text[:40]!r} is no polygon")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def coordinate(text: str) -> float:
    """A number of pixels.

    Raises:
        ValueError: It is no number, or infinite, or farther out than any image reaches.
    """
    number = float(text)
    if not math.isfinite(number) or abs(number) > FARTHEST:
        raise ValueError(f"the coordinate {text} is not within any image")
    return number
