"""Lines cut from pages: PAGE-XML and ALTO, small ones made here."""

import logging
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from isotrope.data.cutting import cut
from isotrope.data.lines import LabeledLines
from isotrope.data.pages import PageLines, load_lines, page_lines
from isotrope.io.images import ImageError
from isotrope.ocr.geometry import turned

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="{image}" imageWidth="80" imageHeight="60">
<TextRegion id="r"><Coords points="0,0 80,0 80,60"/>
<TextLine id="a"><Coords points="10,10 60,10 60,25 10,25"/><Baseline points="10,22 60,22"/>
<Word><TextEquiv><Unicode>word</Unicode></TextEquiv></Word>
<TextEquiv index="1"><Unicode>worse</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode>Erste  Zeile</Unicode></TextEquiv></TextLine>
<TextLine id="b"><Coords points="10,30 60,40 60,55 10,45"/>
<TextEquiv><Unicode>zweite</Unicode></TextEquiv></TextLine>
<TextLine id="c"><Coords points="1,1 2,1 2,2"/>
<TextEquiv><Unicode> </Unicode></TextEquiv></TextLine>
<TextLine id="d"><TextEquiv><Unicode>no outline</Unicode></TextEquiv></TextLine>
</TextRegion></Page></PcGts>"""

ALTO = """<?xml version="1.0"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">
<Description><MeasurementUnit>{unit}</MeasurementUnit>
<sourceImageInformation><fileName>scans\\{image}</fileName></sourceImageInformation></Description>
<Layout><Page><PrintSpace><TextBlock>
<TextLine HPOS="10" VPOS="10" WIDTH="50" HEIGHT="15">
<String CONTENT="deux"/><SP/><String CONTENT="mots"/><HYP CONTENT="-"/></TextLine>
<TextLine><Shape><Polygon POINTS="10,30 60,40 60,55 10,45"/></Shape>
<String CONTENT="penché"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""


@pytest.fixture
def folder(tmp_path):
    """A yellow page with a dark line and a slanted one, and between them red that is neither."""
    page = Image.new("RGB", (80, 60), (240, 230, 180))
    draw = ImageDraw.Draw(page)
    draw.line((10, 30, 60, 30), fill=(255, 0, 0), width=3)
    draw.line((15, 20, 55, 20), fill=(0, 0, 0), width=3)
    page.save(tmp_path / "scan.png")
    return tmp_path


def write(folder, text, name="page.xml", image="scan.png", unit="pixel"):
    (folder / name).write_text(text.format(image=image, unit=unit), encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(PAGE, ["Erste Zeile", "zweite"]), (ALTO, ["deux mots-", "penché"])],
    ids=["page", "alto"],
)
def test_lines_and_their_texts(folder, text, expected):
    write(folder, text)
    lines = load_lines(folder)
    assert isinstance(lines, PageLines)
    assert [lines[i][1] for i in range(len(lines))] == expected
    assert lines[0][0].shape[1:] == (16, 51)


def test_what_lies_outside_a_polygon_is_paper(folder):
    write(folder, PAGE)
    image = load_lines(folder)[1][0]
    paper = torch.tensor([240, 230, 180]) / 255
    torch.testing.assert_close(image[:, 0, -1], paper)  # above the slanted line
    whole = cut(torch.rand(3, 60, 80), ((10, 30), (60, 30), (60, 55), (10, 55)))
    assert whole.shape == (3, 26, 51)


def test_lines_split_like_those_of_a_labels_file(folder):
    write(folder, PAGE)
    train, held_out = load_lines(folder).split(2)
    assert [train.items[0][1], held_out.items[0][1]] == ["zweite", "Erste Zeile"]


def test_an_image_of_the_files_own_name_will_do(folder):
    write(folder, PAGE, name="scan.xml", image="elsewhere.tif")
    assert page_lines(folder / "scan.xml")[0][0].image == folder / "scan.png"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("<PcGts", {}, "is not whole XML"),
        ("<html></html>", {}, "is <html>, neither PAGE-XML"),
        (PAGE, {"image": "none.png"}, "'none.png' is not beside it; put the page's image"),
        (ALTO, {"unit": "mm10"}, "coordinates are in mm10, not in pixels"),
    ],
)
def test_a_bad_page_is_named_and_the_others_are_read(folder, caplog, text, options, message):
    write(folder, text, "bad.xml", **options)
    with pytest.raises(ValueError, match=message):
        page_lines(folder / "bad.xml")
    with pytest.raises(ValueError, match="no page with transcribed lines; give PAGE-XML"):
        load_lines(folder)
    write(folder, PAGE, "good.xml")
    with caplog.at_level(logging.WARNING):
        assert len(load_lines(folder)) == 2
    assert "bad.xml" in caplog.text


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("10,10", "1 (the outline '10,10' is no polygon)"),
        ("a,b c,d e,f", "1 (could not convert"),
        ("10,10 inf,10 60,25", "1 (the coordinate inf is not within any image)"),
        ("10,10 60,nan 60,25", "1 (the coordinate nan is not within any image)"),
        ("10,10 60,-1e9 60,25", "1 (the coordinate -1e9 is not within any image)"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(folder, caplog, points, message):
    write(folder, PAGE.replace("10,10 60,10 60,25 10,25", points))
    lines = load_lines(folder)
    assert [text for _, text in lines.items] == ["zweite"]
    assert "3 of 4 lines left out: " + message in caplog.text
    assert "3 (no text), 4 (no outline)" in caplog.text


def test_points_of_the_format_of_2010(folder):
    points = "".join(f'<Point x="{x}" y="{y}"/>' for x, y in ((10, 10), (60, 10), (60, 25)))
    whole = '<Coords points="10,10 60,10 60,25 10,25"/>'
    write(folder, PAGE.replace(whole, f"<Coords>{points}</Coords>"))
    assert page_lines(folder / "page.xml")[0][0].corners == ((10, 10), (60, 10), (60, 25))


def test_the_polygon_of_a_word_is_not_that_of_its_line(folder):
    shape = '<String CONTENT="deux"><Shape><Polygon POINTS="1,1 2,1 2,2"/></Shape></String>'
    text = ALTO.replace('<String CONTENT="deux"/><SP/>', shape)
    write(folder, text.replace('CONTENT="-"', 'CONTENT="\u00ad"'))
    outline, text = page_lines(folder / "page.xml")[0]
    assert (outline.corners[2], text) == ((60, 25), "deux mots-")


@pytest.mark.parametrize("named", ["scan.png", "old/scan.png", "my%20scan.png", "C:\\x\\scan.png"])
def test_an_image_is_found_beside_its_file_or_a_folder_above(folder, named):
    (folder / "page").mkdir()
    if "20" in named:
        (folder / "scan.png").rename(folder / "my scan.png")
    write(folder / "page", PAGE, image=named)
    assert len(load_lines(folder)[0][1]) == len("Erste Zeile")


def test_an_image_outside_is_not_opened(folder, caplog):
    """A file from elsewhere must not bring pictures of this computer into a set."""
    place = folder / "set" / "page"
    place.mkdir(parents=True)
    for named in (str(folder / "scan.png"), "../../scan.png", "a/../../../scan.png"):
        write(place, PAGE, image=named)
        with pytest.raises(ValueError, match=r"it names an image outside of .*/set, '.*scan\.png'"):
            page_lines(place / "page.xml")
    (place / "scan.png").symlink_to(folder / "scan.png")  # its owner's own doing
    assert page_lines(place / "page.xml")[0][0].image == place / "scan.png"


def test_an_image_in_the_folder_beside(folder):
    (folder / "page").mkdir()
    (folder / "images").mkdir()
    (folder / "scan.png").rename(folder / "images" / "scan.png")
    for named in ("../images/scan.png", "images/scan.png", str(folder / "images" / "scan.png")):
        write(folder / "page", PAGE, image=named)
        found = page_lines(folder / "page" / "page.xml")
        assert found[0][0].image == folder / "images" / "scan.png"


def test_relative_paths(folder, monkeypatch):
    write(folder, PAGE)
    monkeypatch.chdir(folder)
    assert str(page_lines(Path("page.xml"))[0][0].image) == "scan.png"
    write(folder, PAGE, image=f"../{folder.name}/scan.png")
    assert page_lines(Path("page.xml"))[0][0].image.samefile(folder / "scan.png")


def test_hidden_files_are_no_pages(folder):
    (folder / ".trash").mkdir()
    write(folder / ".trash", PAGE)
    write(folder, PAGE, name="._page.xml")
    with pytest.raises(ValueError, match="no page with transcribed lines"):
        PageLines(folder)


def test_sizes_that_no_image_has_are_left_alone(folder):
    for size in ("inf", "nan", "0", "1e-300"):
        write(folder, PAGE.replace('imageWidth="80"', f'imageWidth="{size}"'))
        assert load_lines(folder)[0][0].shape == (3, 16, 51)


def test_a_larger_copy_of_the_page_will_do_but_no_other_shape(folder):
    write(folder, PAGE)
    with Image.open(folder / "scan.png") as page:
        page.resize((160, 120)).save(folder / "scan.png")
    assert load_lines(folder)[0][0].shape[1:] == (31, 101)
    Image.new("RGB", (60, 80)).save(folder / "scan.png")
    with pytest.raises(ImageError, match="60x80 px, but 80x60 were transcribed"):
        load_lines(folder)[0]


def test_whole_pages_are_held_out(folder, caplog):
    for number in range(10):
        Image.new("RGB", (80, 60)).save(folder / f"{number}.png")
        write(folder, PAGE, f"{number}.xml", image=f"{number}.png")
    write(folder, ALTO, "same.xml", image="3.png")
    train, held_out = load_lines(folder).split(5)
    assert "same.xml is left out" in caplog.text
    pages = [{outline.image.name for outline, _ in part.items} for part in (train, held_out)]
    assert pages[1] == {"0.png", "5.png"}
    assert not pages[0] & pages[1]
    assert (len(pages[0]), len(train), len(held_out)) == (8, 16, 4)


def test_a_line_outside_its_page_is_refused(folder):
    with pytest.raises(ImageError, match="lies outside its page of 80x60 px"):
        cut(torch.rand(3, 60, 80), ((100, 10), (120, 10), (120, 20)))


def test_a_folder_with_labels_is_read_as_before(folder):
    (folder / "labels.tsv").write_text("scan.png\ttext\n")
    assert type(load_lines(folder)) is LabeledLines


def test_a_line_is_named_by_its_page_and_place(folder):
    write(folder, PAGE)
    outline, _ = load_lines(folder).items[0]
    assert str(outline) == f"{folder / 'scan.png'}, the line at 10,10"


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_lines_of_a_turned_page_come_out_upright(tmp_path, degrees):
    """The outline is in the coordinates of the image as it lies; the baseline tells the turn."""
    corners, below = ((20.0, 10.0), (90.0, 10.0), (90.0, 30.0), (20.0, 30.0)), ((20, 26), (90, 26))
    upright = Image.new("RGB", (120, 60), "white")
    draw = ImageDraw.Draw(upright)
    draw.rectangle((22, 12, 40, 20), fill="black")  # ink at the top left only
    upright.rotate(degrees, expand=True).save(tmp_path / "scan.png")
    points = [
        " ".join(f"{x:g},{y:g}" for x, y in turned(of, degrees, (120, 60)))
        for of in (corners, below)
    ]
    (tmp_path / "scan.xml").write_text(
        f"""<PcGts><Page imageFilename="scan.png"><TextRegion><TextLine id="a">
        <Coords points="{points[0]}"/><Baseline points="{points[1]}"/>
        <TextEquiv><Unicode>ink</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""
    )
    lines = PageLines(tmp_path)
    image, _ = lines[0]
    assert lines.ratio(0) == pytest.approx(70 / 20)
    assert image.shape[2] > 3 * image.shape[1]
    ink = (image[0] < 0.5).nonzero().float().mean(0) / torch.tensor(image.shape[1:])
    torch.testing.assert_close(ink, torch.tensor([0.3, 0.16]), atol=0.08, rtol=0)


def test_the_orientation_of_a_region_tells_the_turn_of_a_line_without_a_baseline(folder):
    text = PAGE.replace('<Baseline points="10,22 60,22"/>', "")
    write(folder, text.replace('<TextRegion id="r">', '<TextRegion id="r" orientation="-90">'))
    assert load_lines(folder)[0][0].shape[1:] == (51, 16)


def test_a_slanted_line_is_leveled(tmp_path):
    page = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(page).line((20, 90, 180, 50), fill="black", width=4)
    page.save(tmp_path / "scan.png")
    (tmp_path / "scan.xml").write_text(
        """<PcGts><Page imageFilename="scan.png"><TextRegion><TextLine id="a">
        <Coords points="18,78 178,38 182,62 22,102"/><Baseline points="20,90 180,50"/>
        <TextEquiv><Unicode>a stroke</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""
    )
    lines = PageLines(tmp_path)
    image, _ = lines[0]
    assert image.shape[1] < 30
    assert lines.ratio(0) == pytest.approx(image.shape[2] / image.shape[1], rel=0.05)
    rows = (image[0] < 0.5).nonzero()[:, 0]
    assert rows.max() - rows.min() < 8
