"""Whole pages from PAGE-XML and ALTO."""

import numpy as np
import pytest
from PIL import Image

from isotrope.data.labeled_pages import LabeledPages, extent, foot

PAGE = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="scan.png" imageWidth="160" imageHeight="120">
<TextRegion id="r"><Coords points="0,0 160,0 160,120"/>
<TextLine id="a"><Coords points="20,20 120,20 120,50 20,50"/><Baseline points="20,44 120,44"/>
<TextEquiv><Unicode>Erste  Zeile</Unicode></TextEquiv></TextLine></TextRegion>
<TextRegion id="s"><Coords points="0,0 160,0 160,120"/>
<TextLine id="b"><Coords points="20,60 120,80 120,110 20,90"/></TextLine>
<TextLine id="c"><Coords points="130,110 130,10 158,10 158,110"/>
<Baseline points="150,110 150,10"/></TextLine></TextRegion></Page></PcGts>"""

ALTO = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v{version}#">
<Description><sourceImageInformation><fileName>scan.png</fileName></sourceImageInformation>
</Description><Layout><Page><PrintSpace><TextBlock>
<TextLine HPOS="10" VPOS="10" WIDTH="50" HEIGHT="15" BASELINE="{baseline}">
<String CONTENT="deux"/></TextLine></TextBlock></PrintSpace></Page></Layout></alto>"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "one").mkdir()
    Image.new("RGB", (80, 60)).save(tmp_path / "one" / "scan.png")
    (tmp_path / "one" / "page.xml").write_text(PAGE)
    return tmp_path


def test_lines_of_a_page_are_scaled_to_its_image(folder):
    pages = LabeledPages(folder)
    assert len(pages) == 1
    first, second, third = pages[0].lines
    assert pages[0].size == (80, 60)
    np.testing.assert_array_equal(first.baseline, [[10, 22], [60, 22]])
    np.testing.assert_array_equal(first.polygon, [[10, 10], [60, 10], [60, 25], [10, 25]])
    assert first.text == "Erste Zeile"
    assert first.height == pytest.approx(15)
    assert [line.block for line in pages[0].lines] == [0, 1, 1]
    assert third.direction == 90
    assert third.height == pytest.approx(14)
    # no baseline in the file: along the slanted foot of the outline
    np.testing.assert_allclose(second.baseline, [[10, 41.7], [60, 51.7]], atol=1e-6)
    assert second.height == pytest.approx(15 / np.hypot(1, 0.2), rel=0.03)


@pytest.mark.parametrize(
    ("version", "baseline", "expected"),
    [
        (4, "10,21 60,22", [[10, 21], [60, 22]]),
        (3, "21", [[10, 21], [60, 21]]),
        (4, "", [[10, 21.7], [60, 21.7]]),
        (4, "10,21", [[10, 21.7], [60, 21.7]]),
        (4, "10,21 10,21", [[10, 21.7], [60, 21.7]]),
        (4, "left right", [[10, 21.7], [60, 21.7]]),
    ],
)
def test_baselines_of_alto(folder, version, baseline, expected):
    (folder / "one" / "page.xml").write_text(ALTO.format(version=version, baseline=baseline))
    line = LabeledPages(folder)[0].lines[0]
    np.testing.assert_allclose(line.baseline, expected)


def test_an_outline_that_follows_the_letters_still_gives_the_height():
    """Ascenders at three places and one descender, the rest at the height of an x."""
    top = [(x, 0 if 20 <= x % 40 < 32 else 8) for x in range(0, 121, 2)]
    bottom = [(x, 30 if 60 <= x < 100 else 24) for x in range(120, -1, -2)]
    polygon, baseline = np.array(top + bottom, float), np.array([[0.0, 24], [120, 24]])
    assert extent(polygon, baseline) == pytest.approx(30, abs=0.1)


def test_a_baseline_beside_its_outline_has_a_height_all_the_same():
    polygon = np.array([[0.0, 0], [40, 0], [40, 12], [0, 12]])
    assert extent(polygon, np.array([[100.0, 10], [140, 10]])) == 12


def test_a_flat_outline():
    np.testing.assert_array_equal(foot(np.array([[0.0, 5], [9, 5], [9, 5]])), [[0, 5], [9, 5]])


def test_what_is_left_out_is_logged(folder, caplog):
    (folder / "one" / "other.xml").write_text(PAGE)
    (folder / "one" / "broken.xml").write_text("<PcGts>")
    (folder / "one" / "empty.xml").write_text(
        '<PcGts><Page imageFilename="scan.png"></Page></PcGts>'
    )
    assert len(LabeledPages(folder)) == 1
    assert "broken.xml is not whole XML" in caplog.text
    assert "has that page" in caplog.text
    assert "empty.xml has no line with an outline" in caplog.text


def test_choosing_files_and_collections(folder):
    assert len(LabeledPages(folder, files=["one/page.xml"])) == 1
    assert len(LabeledPages(folder, collections=["one"])) == 1
    with pytest.raises(ValueError, match=r"has no page with lines; give PAGE-XML or ALTO"):
        LabeledPages(folder, collections=["two"])
    with pytest.raises(ValueError, match=r"two\.xml does not exist; name files in"):
        LabeledPages(folder, files=["two.xml"])


def test_an_image_of_another_shape(folder):
    Image.new("RGB", (60, 80)).save(folder / "one" / "scan.png")
    with pytest.raises(ValueError, match=r"60x80 px, but 160x120 were transcribed; give that"):
        LabeledPages(folder)[0]
