"""ALTO, the format of libraries: version 4.4, in pixels of the page as given.

Source: https://www.loc.gov/standards/alto. `ROTATION` of a page and a block is the turn of the text
from upright in degrees counter-clockwise; `CC` has a digit per character, 0 for sure to 9. Points
are `x y x y`, one of the forms that readers of ALTO take, and the only one that eScriptorium does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from isotrope import __version__
from isotrope.io.marks import LINE
from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of, words_of
from isotrope.ocr.formats.pages.upright import angle, half_turn
from isotrope.ocr.formats.pages.xml import (
    Element,
    coordinates,
    element,
    file_of_image,
    framed,
    markup,
    number,
    share,
)
from isotrope.ocr.geometry import Points, box

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_OPENING = f"""\
<alto xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="{_NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" \
SCHEMAVERSION="4.4">"""
_TAGS = ("heading", "margin", "table", "header", "footer")
"""The kinds of regions that get a tag; the others are text."""


def alto_pages(
    pages: Iterable[Page], source: Callable[[Page], Source] = file_of
) -> Iterator[bytes]:
    """Yield the description of the file, which names the first page's image, then each page."""
    pages = iter(pages)
    first = next(pages, None)
    if first is None:
        raise ValueError("no pages; an ALTO file has one or more")
    made = (_page(page, place) for place, page in enumerate(chain([first], pages), start=1))
    opening = f"{_OPENING}\n{markup(_description(first))}\n{markup(_tags())}\n<Layout>"
    yield from framed(opening, made, "</Layout>\n</alto>")


def _description(page: Page) -> Element:
    named = file_of_image(page)
    image = [element("fileName", text=named)] if named else []
    software = [
        element("softwareName", text="isotrope"),
        element("softwareVersion", text=__version__),
    ]
    return element(
        "Description",
        None,
        element("MeasurementUnit", text="pixel"),
        element("sourceImageInformation", None, *image),
        element("Processing", {"ID": "ocr"}, element("processingSoftware", None, *software)),
    )


def _tags() -> Element:
    return element(
        "Tags", None, *(element("LayoutTag", {"ID": kind, "LABEL": kind}) for kind in _TAGS)
    )


def _page(page: Page, place: int) -> Element:
    blocks = [_block(region, f"{place}_{i}") for i, region in enumerate(page.regions, start=1)]
    size = {"HEIGHT": page.height, "WIDTH": page.width}
    space = element("PrintSpace", size | {"HPOS": 0, "VPOS": 0}, *blocks)
    attributes = {
        "ID": f"page_{place}",
        "PHYSICAL_IMG_NR": page.number,
        **size,
        "ROTATION": number(half_turn(page.orientation + page.slant)),
    }
    return element("Page", attributes, space)


def _block(region: Region, key: str) -> Element:
    attributes = {
        "ID": f"block_{key}",
        **_place(region.polygon),
        "ROTATION": number(angle(region)),
        "TAGREFS": region.kind if region.kind in _TAGS else None,
    }
    lines = [_line(line, f"{key}_{i}") for i, line in enumerate(region.lines, start=1)]
    return element("TextBlock", attributes, _shape(region.polygon), *lines)


def _line(line: Line, key: str) -> Element:
    attributes = {
        "ID": f"{LINE}line_{key}",
        **_place(line.polygon),
        "BASELINE": coordinates(line.baseline) or None,
    }
    words = words_of(line) or (Word("", line.confidence, line.polygon),)
    strings = [_string(word, f"{key}_{i}") for i, word in enumerate(words, start=1)]
    content = [each for string in strings for each in (string, element("SP"))][:-1]
    return element("TextLine", attributes, _shape(line.polygon), *content)


def _string(word: Word, key: str) -> Element:
    attributes = {
        "ID": f"string_{key}",
        **_place(word.polygon),
        "CONTENT": word.text,
        "WC": share(word.confidence),
        "CC": " ".join(str(round(9 * (1 - sure))) for sure in word.characters) or None,
    }
    return element("String", attributes, _shape(word.polygon))


def _place(polygon: Points) -> dict[str, object]:
    """The box around a polygon."""
    left, top, right, bottom = box(polygon)
    return {
        **{"HEIGHT": number(bottom - top), "WIDTH": number(right - left)},
        **{"HPOS": number(left), "VPOS": number(top)},
    }


def _shape(polygon: Points) -> Element:
    return element("Shape", None, element("Polygon", {"POINTS": coordinates(polygon)}))


ALTO = PageFormat(alto_pages, ".alto.xml", holds="file")
"""The format `alto`."""
