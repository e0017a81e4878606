"""hOCR, ALTO and PAGE-XML, read by other readers and checked against the published schemas."""

import os
import unicodedata
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from isotrope.data.pages import page_lines
from isotrope.io.transcripts import read_transcript
from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.formats.pages.alto import alto_pages
from isotrope.ocr.formats.pages.hocr import hocr_pages
from isotrope.ocr.formats.pages.pagexml import page_xml
from isotrope.ocr.formats.pages.xml import number

SCHEMAS = {alto_pages: "alto-4-4.xsd", page_xml: "pagecontent.xsd"}
TRANSCRIPTS = pytest.mark.parametrize("write", SCHEMAS)
WRITERS = pytest.mark.parametrize("write", [hocr_pages, *SCHEMAS])
TURNS = pytest.mark.parametrize("turn", [0, 90, 180, 270])
SQUARE = ((1.0, 2.0), (9.0, 2.0), (9.0, 9.0), (1.0, 9.0))


def tree_of(write, pages):
    return etree.fromstring(b"".join(write(pages)))


def found(tree, name):
    return tree.findall(f".//{{*}}{name}")


class Beside(etree.Resolver):
    """Finds the schemas that a schema imports beside it, under the last part of their address."""

    def __init__(self, folder):
        self.folder = folder

    def resolve(self, url, public, context):
        return self.resolve_filename(str(self.folder / url.rpartition("/")[2]), context)


def schema_of(name):
    """The published schema, from a folder or from the package ocrd.

    ALTO's needs xlink.xsd beside it.
    """
    folder = os.environ.get("ISOTROPE_SCHEMAS")
    ocrd = find_spec("ocrd_validators")
    places = [Path(folder, name)] if folder else []
    if ocrd and ocrd.origin and name == "pagecontent.xsd":
        places.append(Path(ocrd.origin).with_name("page.xsd"))
    for place in places:
        if place.is_file():
            parser = etree.XMLParser()
            parser.resolvers.add(Beside(place.parent))
            return etree.XMLSchema(etree.parse(place, parser))
    pytest.skip(f"no {name}: set ISOTROPE_SCHEMAS to a folder that has it")


def word_page(text, file="a.png"):
    """A page of one word."""
    word = Word(text, 0.5, SQUARE, (0.5,) * len(text))
    line = Line(text, 0.5, 0, SQUARE, ((1.0, 8.0), (9.0, 8.0)), (word,), characters=word.characters)
    return Page(10, 10, (Region((line,), SQUARE),), file=file)


@TURNS
@TRANSCRIPTS
def test_our_reader_of_transcripts(write, turn, page, tmp_path):
    page = page.turned(turn)
    image = tmp_path / page.file
    Image.fromarray(np.zeros((page.height, page.width, 3), np.uint8)).save(image)
    file = tmp_path / "page.xml"
    file.write_bytes(b"".join(write([page])))
    read = read_transcript(file)
    assert (read.image, read.size, read.faults) == (image, (page.width, page.height), {})
    assert [line.text for line in read.lines.values()] == [line.text for line in page.lines]
    for line, written in zip(read.lines.values(), page.lines, strict=True):
        assert np.abs(np.subtract(line.corners, written.polygon)).max() <= 0.5
    texts = [text for _, text in page_lines(file)]
    assert texts[:3] == ["A heading & more", "first line,", "second <line>"]


@TURNS
@TRANSCRIPTS
def test_schemas(write, turn, document):
    schema = schema_of(SCHEMAS[write])
    pages = [page.turned(turn) for page in document]
    for several in [pages] if write is alto_pages else [[page] for page in pages]:
        schema.assertValid(tree_of(write, several))


def texts_in(write, tree):
    """The texts of the words."""
    if write is hocr_pages:
        return [word.text for word in of_class(tree, "ocrx_word")]
    if write is alto_pages:
        return [word.get("CONTENT") for word in found(tree, "String")]
    return [word.findtext(".//{*}Unicode") for word in found(tree, "Word")]


HARD = "\0\x1f\t\r\n\x7f\x85\u2028\ud800\udfff\ufffe\uffff<&]>'\"𝔄ש"


def as_xml_has_it(character):
    control = character < " " and character not in "\t\n\r"
    surrogate = "\ud800" <= character <= "\udfff"
    return "\ufffd" if control or surrogate or character in "\ufffe\uffff" else character


@WRITERS
@given(text=st.text(min_size=1) | st.text(HARD))
@example(text="]]>&lt;<!--")
def test_any_text(write, text):
    if text:
        tree = tree_of(write, [word_page(text, file=text)])
        assert texts_in(write, tree) == ["".join(map(as_xml_has_it, text))]


@WRITERS
def test_a_page_without_text(write):
    tree = tree_of(write, [Page(30, 20)])
    assert b"30" in etree.tostring(tree)
    assert texts_in(write, tree) == found(tree, "TextLine") == []


@WRITERS
def test_a_line_without_words(write):
    line = Line("not cut", 0.5, 0, SQUARE, ((1.0, 8.0), (9.0, 8.0)))
    page = Page(10, 10, (Region((line, replace(line, text="")), SQUARE),))
    tree = tree_of(write, [page])
    assert [text for text in texts_in(write, tree) if text] == ["not cut"]
    if write in SCHEMAS:
        schema_of(SCHEMAS[write]).assertValid(tree)


def properties(element):
    """The properties in the title of an element of hOCR."""
    pairs = [one.strip().partition(" ") for one in element.get("title").split(";")]
    return {name: values for name, _, values in pairs}


def of_class(tree, name):
    return tree.findall(f".//{{*}}*[@class='{name}']")


def test_hocr(document, page):
    tree = tree_of(hocr_pages, document)
    first, second = of_class(tree, "ocr_page")
    assert properties(first) == {
        **{"image": '"a & b.png"', "bbox": "0 0 600 400", "ppageno": "0", "scan_res": "300 300"}
    }
    assert properties(second)["ppageno"] == "1"
    assert len(of_class(tree, "ocr_carea")) == len(of_class(tree, "ocr_par")) == len(page.regions)
    lines = of_class(tree, "ocr_line")
    texts = [" ".join("".join(line.itertext()).split()) for line in lines]
    assert texts == [line.text for line in page.lines]
    word = of_class(lines[1], "ocrx_word")[1]
    assert properties(word) == {
        "bbox": "112 82 172 106",
        "poly": "112 82 172 82 172 106 112 106",
        "x_wconf": "12",
        "x_confs": " ".join(["12.35"] * 5),
    }
    keys = [each.get("id") for each in tree.iter() if each.get("id")]
    assert len(keys) == len(set(keys))


@TURNS
def test_a_reader_of_hocr(page, turn, tmp_path):
    pytest.importorskip("ocrmypdf", reason="needs the extra `ocrmypdf`")
    from ocrmypdf.hocrtransform.hocr_parser import HocrParser

    page = page.turned(turn)
    (tmp_path / "a.hocr").write_bytes(b"".join(hocr_pages([page])))
    read = HocrParser(tmp_path / "a.hocr").parse()
    assert (read.bbox.right, read.bbox.bottom, read.dpi) == (page.width, page.height, 300)
    words = [word for line in page.lines for word in line.words]
    assert len(read.words) == len(words)
    for found, word in zip(read.words, words, strict=True):
        assert found.text == unicodedata.normalize("NFKC", word.text)
        assert found.confidence == pytest.approx(word.confidence, abs=0.005)
        corners = np.min(word.polygon, axis=0), np.max(word.polygon, axis=0)
        box = [(found.bbox.left, found.bbox.top), (found.bbox.right, found.bbox.bottom)]
        assert np.abs(np.subtract(corners, box)).max() < 1
    angles = [line.textangle or 0 for line in read.lines]
    assert angles == [line.orientation for line in page.lines]
    assert all(line.baseline is not None for line in read.lines)


def test_kinds_of_hocr_lines(page):
    regions = [replace(page.regions[0], kind=kind) for kind in ("header", "footer", "margin")]
    tree = tree_of(hocr_pages, [replace(page, regions=tuple(regions))])
    classes = [span.get("class") for span in found(tree, "p/{*}span")]
    assert classes == ["ocr_header", "ocr_footer", "ocr_line"]


@TURNS
def test_hocr_baselines_and_angles(page, turn):
    lines = of_class(tree_of(hocr_pages, [page.turned(turn)]), "ocr_line")
    for line, upright in zip(lines, page.lines, strict=True):
        title = properties(line)
        angle = int(title.get("textangle", 0))
        assert angle == (upright.orientation + turn) % 360
        slope, offset = map(float, title["baseline"].split())
        assert slope == pytest.approx(-np.tan(np.radians(upright.slant)), abs=1e-3)
        # a quarter of the height; at 15 degrees 18 sin 15 tan 15 - 6 cos 15 = -4.5
        assert offset == (-6 if upright.slant == 0 else -5)


def test_alto(document, page):
    tree = tree_of(alto_pages, document)
    assert [each.get("PHYSICAL_IMG_NR") for each in found(tree, "Page")] == ["1", "2"]
    assert [each.text for each in found(tree, "fileName")] == ["a & b.png"]
    rotations = [float(each.get("ROTATION")) for each in found(tree, "TextBlock")]
    assert rotations == [0, 0, 15, 90, 180, -90, 0]
    assert [each.get("TAGREFS") for each in found(tree, "TextBlock")][:2] == ["heading", None]
    first, second = found(found(tree, "TextLine")[1], "String")
    assert [each.get("CONTENT") for each in (first, second)] == ["first", "line,"]
    assert (second.get("WC"), second.get("CC")) == ("0.1235", "8 8 8 8 8")
    place = [float(second.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    assert place == [112, 82, 60, 24]
    assert found(tree, "TextLine")[1].get("BASELINE") == "40 100 172 100"


def test_alto_of_no_pages():
    with pytest.raises(ValueError, match="no pages; an ALTO file has one or more"):
        list(alto_pages([]))


def test_page_xml(page):
    tree = tree_of(page_xml, [replace(page.turned(270), slant=1.5)])
    assert float(found(tree, "Page")[0].get("orientation")) == -88.5
    regions = found(tree, "TextRegion")
    assert [each.get("regionRef") for each in found(tree, "RegionRefIndexed")] == [
        each.get("id") for each in regions
    ]
    assert [each.get("type") for each in regions][:2] == ["heading", "paragraph"]
    turns = [float(each.get("orientation")) for each in regions]
    assert turns == [-90, -90, -75, 0, 90, 180, -90]
    words = [each.findtext(".//{*}Unicode") for each in found(tree, "Word")]
    assert words == [word.text for line in page.lines for word in line.words]
    confidences = [each.get("conf") for each in found(tree, "TextLine/{*}TextEquiv")]
    assert confidences == ["0.9", "0.1235", *["0.9"] * 6]
    baselines = [each.get("points") for each in found(tree, "Baseline")]
    assert baselines[0] == "350,40 350,232"


def test_a_table_in_page_xml(page):
    regions = (replace(page.regions[1], kind="table"), page.regions[0])
    tree = tree_of(page_xml, [replace(page, regions=regions)])
    table = found(tree, "TextRegion")[0]
    assert (table.get("type"), table.get("custom")) == ("other", "structure {type:table;}")
    assert [each.get("regionRef") for each in found(tree, "RegionRefIndexed")] == ["r1", "r2"]
    assert len(found(table, "TextLine")) == 2
    schema_of("pagecontent.xsd").assertValid(tree)


@pytest.mark.parametrize("count", [0, 2])
def test_page_xml_holds_one_page(page, count):
    with pytest.raises(ValueError, match=f"{count} pages; a PAGE-XML file has one, so write each"):
        list(page_xml([page] * count))


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (-0.001, "0"), (-0.5, "-0.5"), (10.0, "10"), (12345.254, "12345.25"), (1e-9, "0")],
)
def test_numbers(value, written):
    assert number(value) == written
