"""XML that is valid whatever the text, written piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from isotrope.ocr.document import Page
from isotrope.ocr.geometry import Point

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write: most control characters, lone surrogates, two others."""


def element(
    name: str, attributes: Mapping[str, object] | None = None, *children: Element, text: str = ""
) -> Element:
    """Make an element without a namespace, which `framed` gives it.

    Characters that XML does not have become U+FFFD.

    Args:
        attributes: Their values are written by `str`; those that are None are left out.
        children: Elements to put in.
        text: Text to put before the children.
    """
    made = Element(name)
    for key, value in (attributes or {}).items():
        if value is not None:
            made.set(key, valid(str(value)))
    if text:
        made.text = valid(text)
    made.extend(children)
    return made


def valid(text: str) -> str:
    """Replace characters that XML does not have by U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)


def framed(opening: str, elements: Iterable[Element], closing: str) -> Iterator[bytes]:
    """Yield a file of XML: the opening tags, each element as it comes, and the closing tags.

    The elements take the namespace that the opening tags set.
    """
    yield f"<?xml version='1.0' encoding='UTF-8'?>\n{opening}\n".encode()
    for each in elements:
        yield (markup(each) + "\n").encode()
    yield f"{closing}\n".encode()


def markup(of: Element) -> str:
    """Write an element, with its parts on lines of their own."""
    ElementTree.indent(of, " ")
    # A bare carriage return would be read as a line feed.
    return ElementTree.tostring(of, encoding="unicode").replace("\r", "&#13;")


def file_of_image(page: Page) -> str | None:
    """The name of a page's file without its folder, as the formats have it; None if unknown."""
    return PurePath(page.file).name if page.file is not None else None


def now() -> str:
    """The time in UTC, as XML Schema writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def coordinates(points: Iterable[Point]) -> str:
    """Write points as `x y x y`."""
    return " ".join(number(value) for point in points for value in point)


def number(value: float) -> str:
    """Write a number with two decimals at most."""
    value = round(value, 2) + 0.0  # not "-0"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def share(value: float) -> str:
    """Write a confidence, within [0, 0.9999], with four decimals at most.

    Editors give a text that a person has confirmed a confidence of 1, or none.
    """
    return f"{min(max(value, 0.0), 0.9999):.4f}".rstrip("0").rstrip(".")
