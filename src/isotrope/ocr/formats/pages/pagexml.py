"""PAGE-XML of 2019-07-15, the format of Transkribus and eScriptorium: one page per file.

Source: https://github.com/PRImA-Research-Lab/PAGE-XML. Coordinates are whole pixels of the page as
given; `orientation` is the turn of the text from upright, in degrees counter-clockwise within
(-180, 180].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from isotrope import __version__
from isotrope.io.marks import LINE
from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of, words_of
from isotrope.ocr.formats.pages.upright import angle, half_turn
from isotrope.ocr.formats.pages.xml import (
    Element,
    element,
    file_of_image,
    framed,
    now,
    number,
    share,
)
from isotrope.ocr.geometry import Points

_NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_OPENING = f"""\
<PcGts xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="{_NAMESPACE} {_NAMESPACE}/pagecontent.xsd">"""
_KINDS = {"heading": "heading", "margin": "marginalia", "header": "header", "footer": "footer"}
"""PAGE's names for the kinds of regions; the others are paragraphs."""


def page_xml(pages: Iterable[Page], source: Callable[[Page], Source] = file_of) -> Iterator[bytes]:
    """Yield the file of a page.

    Raises:
        ValueError: There is no page, or more than one.
    """
    listed = list(pages)
    if len(listed) != 1:
        raise ValueError(f"{len(listed)} pages; a PAGE-XML file has one, so write each to its own")
    yield from framed(_OPENING, [_metadata(), _page(listed[0])], "</PcGts>")


def _metadata() -> Element:
    time = now()
    return element(
        "Metadata",
        None,
        element("Creator", text=f"isotrope {__version__}"),
        element("Created", text=time),
        element("LastChange", text=time),
    )


def _page(page: Page) -> Element:
    resolution = None if page.resolution is None else number(page.resolution)
    attributes = {
        "imageFilename": file_of_image(page) or "",
        "imageWidth": page.width,
        "imageHeight": page.height,
        "imageXResolution": resolution,
        "imageYResolution": resolution,
        "imageResolutionUnit": resolution and "PPI",
        "orientation": number(half_turn(page.orientation + page.slant)),
    }
    regions = [_region(page, region, f"r{i}") for i, region in enumerate(page.regions, start=1)]
    order = [
        element("RegionRefIndexed", {"index": i, "regionRef": f"r{i + 1}"})
        for i in range(len(regions))
    ]
    group = element("OrderedGroup", {"id": "order"}, *order)
    return element(
        "Page", attributes, *([element("ReadingOrder", None, group)] if order else []), *regions
    )


def _region(page: Page, region: Region, key: str) -> Element:
    """A text region, also for a table: eScriptorium skips lines inside of other regions."""
    table = region.kind == "table"
    attributes = {
        "id": key,
        "type": "other" if table else _KINDS.get(region.kind, "paragraph"),
        "custom": "structure {type:table;}" if table else None,
        "orientation": number(angle(region)),
    }
    lines = [_line(page, line, f"{key}l{i}") for i, line in enumerate(region.lines, start=1)]
    return element(
        "TextRegion", attributes, _coords(page, region.polygon), *lines, _text(region.text)
    )


def _line(page: Page, line: Line, key: str) -> Element:
    words = [_word(page, word, f"{key}w{i}") for i, word in enumerate(words_of(line), start=1)]
    below = _points(page, line.baseline)
    return element(
        "TextLine",
        {"id": f"{LINE}{key}"},
        _coords(page, line.polygon),
        *([element("Baseline", {"points": below})] if below else []),
        *words,
        _text(line.text, line.confidence),
    )


def _word(page: Page, word: Word, key: str) -> Element:
    return element(
        "Word", {"id": key}, _coords(page, word.polygon), _text(word.text, word.confidence)
    )


def _text(text: str, confidence: float | None = None) -> Element:
    sure = None if confidence is None else share(confidence)
    return element("TextEquiv", {"conf": sure}, element("Unicode", text=text))


def _coords(page: Page, polygon: Points) -> Element:
    return element("Coords", {"points": _points(page, polygon)})


def _points(page: Page, points: Points) -> str:
    """Write points in whole pixels within the page: the format has no negative ones."""
    return " ".join(
        f"{min(max(round(x), 0), page.width)},{min(max(round(y), 0), page.height)}"
        for x, y in points
    )


PAGE = PageFormat(page_xml, ".page.xml", holds="page")
"""The format `page`."""
