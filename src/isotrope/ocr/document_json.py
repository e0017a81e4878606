"""Documents and pages as JSON, and back to equal values.

An object has a member for each field of its class in `isotrope.ocr.document`, under the same name.
Polygons and baselines are lists of `[x, y]`, in pixels of the page as it was given. A line has
`source` only if its text is a translation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from isotrope.ocr.document import Document, Line, Page, Region, Word


def page_to_json(page: Page) -> dict[str, Any]:
    """Turn a page into an object that `json.dumps` takes."""
    return _plain(page)


def page_from_json(value: Any) -> Page:
    """Make the page of `page_to_json`: `page_from_json(page_to_json(page)) == page`.

    Raises:
        ValueError: A member is missing, unknown, or of another type; the message names it.
    """
    return _make(Page)(value, "page")


def document_to_json(document: Document) -> dict[str, Any]:
    """Turn a document into an object that `json.dumps` takes."""
    return _plain(document)


def document_from_json(value: Any) -> Document:
    """Make the document of `document_to_json`.

    Raises:
        ValueError: As in `page_from_json`.
    """
    return _make(Document)(value, "document")


def _plain(value: Any) -> Any:
    """Turn values into objects and tuples into lists, all the way down."""
    if is_dataclass(value):
        members = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if members.get("source") == "":
            del members["source"]
        return members
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


Check = Callable[[Any, str], Any]
"""Takes a JSON value and its place, such as `page.regions[0]`, and returns what it stands for."""


def _of(what: str, *types: type) -> Check:
    def check(value: Any, place: str) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ValueError(f"{place} is {str(value)[:40]!r}; it must be {what}")
        return value

    return check


def _optional(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


def _all(check: Check) -> Check:
    def check_all(value: Any, place: str) -> Any:
        _of("a list", list, tuple)(value, place)
        return tuple(check(item, f"{place}[{index}]") for index, item in enumerate(value))

    return check_all


def _point(value: Any, place: str) -> Any:
    point = _all(_number)(value, place)
    if len(point) != 2:
        raise ValueError(f"{place} has {len(point)} numbers; a point is [x, y]")
    return point


def _make(cls: type) -> Check:
    def make(value: Any, place: str) -> Any:
        _of("an object", dict)(value, place)
        known = {field.name: field for field in fields(cls)}
        for name in value:
            if name not in known:
                raise ValueError(f"{place} has no member {name!r}, only {', '.join(known)}")
        for name, field in known.items():
            if name not in value and field.default is MISSING:
                raise ValueError(f"{place}.{name} is missing; a {cls.__name__.lower()} needs it")
        return cls(**{name: _CHECKS[name](value[name], f"{place}.{name}") for name in value})

    return make


_string = _of("a string", str)
_number = _of("a number", float, int)
_whole = _of("a whole number", int)
_CHECKS: dict[str, Check] = {
    "text": _string,
    "source": _string,
    "confidence": _number,
    "polygon": _all(_point),
    "characters": _all(_number),
    "orientation": _whole,
    "baseline": _all(_point),
    "words": _all(_make(Word)),
    "slant": _number,
    "lines": _all(_make(Line)),
    "kind": _string,
    "width": _whole,
    "height": _whole,
    "regions": _all(_make(Region)),
    "file": _optional(_string),
    "number": _whole,
    "resolution": _optional(_number),
    "adapter": _optional(_string),
    "pages": _all(_make(Page)),
}
"""What a member must be, whichever class has it: a name means the same in all."""
