"""What eScriptorium's importer reads in a file finds its place in ours.

Its rules (app/apps/imports/parsers.py of version 0.14): the default namespace of the root tells the
format; a page is matched to the uploaded image of the same file name; it takes the text blocks of
an ALTO file's print space, at any depth, and the text regions right in a page of PAGE-XML, and the
lines right in those. Points of ALTO are split at spaces only, points of PAGE-XML are whole numbers.
The text of a line is that of its words, with spaces between.
"""

from dataclasses import replace

import pytest
from lxml import etree

from isotrope.ocr.formats.pages.alto import alto_pages
from isotrope.ocr.formats.pages.pagexml import page_xml


def imported_alto(root):
    """The file name, and the blocks with their lines: (outline, [(baseline, mask, text)])."""

    def points(text):
        numbers = [float(number) for number in text.split(" ")]
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def shape(element):
        return points(element.find("Shape/Polygon", root.nsmap).get("POINTS"))

    name = root.find("Description/sourceImageInformation/fileName", root.nsmap).text
    blocks = [
        (
            shape(block),
            [
                (
                    points(line.get("BASELINE")),
                    shape(line),
                    " ".join(each.get("CONTENT") for each in line.findall("String", root.nsmap)),
                )
                for line in block.findall("TextLine", root.nsmap)
            ],
        )
        for block in root.findall("Layout/Page/PrintSpace//TextBlock", root.nsmap)
    ]
    return name, blocks


def imported_page(root):
    """As `imported_alto`."""

    def points(element):
        return [tuple(map(int, pair.split(","))) for pair in element.get("points").split(" ")]

    page = root.find("Page", root.nsmap)
    blocks = [
        (
            points(region.find("Coords", root.nsmap)),
            [
                (
                    points(line.find("Baseline", root.nsmap)),
                    points(line.find("Coords", root.nsmap)),
                    " ".join(
                        each.text for each in line.findall("Word/TextEquiv/Unicode", root.nsmap)
                    ),
                )
                for line in region.findall("TextLine", root.nsmap)
            ],
        )
        for region in page.findall("TextRegion", root.nsmap)
    ]
    return page.get("imageFilename"), blocks


@pytest.mark.parametrize("kind", ["text", "table"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("write", "read", "format"),
    [(alto_pages, imported_alto, "alto"), (page_xml, imported_page, "PAGE")],
)
def test_every_line_arrives(page, write, read, format, turn, kind):
    regions = [replace(region, kind=kind) for region in page.regions]
    page = replace(page, regions=tuple(regions), file="folder/a & b.png").turned(turn)
    root = etree.fromstring(b"".join(write([page])))
    assert format in root.nsmap[None]
    name, blocks = read(root)
    assert name == "a & b.png"
    assert [len(lines) for _, lines in blocks] == [len(region.lines) for region in page.regions]
    found = [line for _, lines in blocks for line in lines]
    assert [text for *_, text in found] == [line.text for line in page.lines]
    for (baseline, mask, _), line in zip(found, page.lines, strict=True):
        for points, expected in ((baseline, line.baseline), (mask, line.polygon)):
            assert len(points) == len(expected)
            assert (
                max(
                    abs(a - b)
                    for p, q in zip(points, expected, strict=True)
                    for a, b in zip(p, q, strict=True)
                )
                <= 0.5
            )


@pytest.mark.parametrize("write", [alto_pages, page_xml])
def test_identifiers_differ(page, write):
    """Its blocks and lines are known by them."""
    root = etree.fromstring(b"".join(write([page])))
    ids = [
        value for each in root.iter() for key, value in each.attrib.items() if key.lower() == "id"
    ]
    assert len(ids) == len(set(ids)) > 20
