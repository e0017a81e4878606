"""hOCR: XHTML whose elements carry the layout in `class` and `title`.

Source: http://kba.github.io/hocr-spec/1.2. Boxes are in whole pixels of the page as given. Turned
text has `textangle`, in degrees counter-clockwise, and its `baseline` is then that of the line
after it was turned upright by this angle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.formats.pages.base import PageFormat, Source, file_of, whole_box, words_of
from isotrope.ocr.formats.pages.upright import level, level_box
from isotrope.ocr.formats.pages.xml import Element, element, file_of_image, framed, number
from isotrope.ocr.geometry import Points

_OPENING = """\
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title></title>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
<meta name="ocr-system" content="isotrope"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocr_header ocr_footer \
ocrx_word ocrp_poly ocrp_wconf"/>
</head>
<body>"""

_KINDS = {"header": "ocr_header", "footer": "ocr_footer"}
"""The class of the lines of some regions."""


def hocr_pages(
    pages: Iterable[Page], source: Callable[[Page], Source] = file_of
) -> Iterator[bytes]:
    """Yield the head of the file, each page, and the end of the file."""
    made = (_page(page, place) for place, page in enumerate(pages, start=1))
    return framed(_OPENING, made, "</body>\n</html>")


def _page(page: Page, place: int) -> Element:
    file = file_of_image(page)
    image = '"' + file.replace('"', "'").replace(";", ",") + '"' if file is not None else None
    resolution = None if page.resolution is None else f"{page.resolution:.0f}"
    title = _title(
        image=image,
        bbox=f"0 0 {page.width} {page.height}",
        ppageno=place - 1,
        scan_res=resolution and f"{resolution} {resolution}",
    )
    areas = [_area(page, region, f"{place}_{i}") for i, region in enumerate(page.regions, start=1)]
    return element("div", {"class": "ocr_page", "id": f"page_{place}", "title": title}, *areas)


def _area(page: Page, region: Region, key: str) -> Element:
    title = _title(bbox=_bbox(region.polygon, page))
    kind = _KINDS.get(region.kind, "ocr_line")
    lines = [_line(page, line, kind, f"{key}_{i}") for i, line in enumerate(region.lines, start=1)]
    paragraph = element("p", {"class": "ocr_par", "id": f"par_{key}", "title": title}, *lines)
    return element("div", {"class": "ocr_carea", "id": f"block_{key}", "title": title}, paragraph)


def _line(page: Page, line: Line, kind: str, key: str) -> Element:
    title = _title(
        bbox=_bbox(line.polygon, page),
        poly=_poly(line.polygon),
        textangle=line.orientation or None,
        baseline=_baseline(line),
        x_wconf=f"{100 * line.confidence:.0f}",
    )
    words = [_word(page, word, f"{key}_{i}") for i, word in enumerate(words_of(line), start=1)]
    return element("span", {"class": kind, "id": f"line_{key}", "title": title}, *words)


def _word(page: Page, word: Word, key: str) -> Element:
    title = _title(
        bbox=_bbox(word.polygon, page),
        poly=_poly(word.polygon),
        x_wconf=f"{100 * word.confidence:.0f}",
        x_confs=" ".join(number(100 * one) for one in word.characters) or None,
    )
    attributes = {"class": "ocrx_word", "id": f"word_{key}", "title": title}
    return element("span", attributes, text=word.text)


def _baseline(line: Line) -> str | None:
    """Slope and offset of the baseline, from the bottom left corner of the upright line's box."""
    if len(line.baseline) < 2:
        return None
    left, _, _, bottom = level_box(line, line.orientation)
    (x0, y0), *_, (x1, y1) = sorted(level(line.baseline, line.orientation))
    slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
    return f"{slope:.4f} {y0 + slope * (left - x0) - bottom:.0f}"


def _title(**properties: object) -> str:
    return "; ".join(f"{name} {value}" for name, value in properties.items() if value is not None)


def _bbox(points: Points, page: Page) -> str:
    return " ".join(map(str, whole_box(points, page)))


def _poly(points: Points) -> str | None:
    return " ".join(number(value) for point in points for value in point) or None


HOCR = PageFormat(hocr_pages, ".hocr", holds="file")
"""The format `hocr`."""
