"""Lines of pages listed for correction, and corrected, as a data set."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from isotrope.data.pages import load_lines
from isotrope.io.images import ImageError
from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.recognition.calibration import Calibration
from isotrope.ocr.recognition.session import LineReader
from isotrope.training.review.listing import (
    cut_out,
    most_useful_lines,
    read_lines,
    unseen_lines,
)
from isotrope.training.review.sheet import Sheet

LINE = """<TextLine id="isotrope_l{number}"><Coords points="10,{top} 190,{top} 190,{low} 10,{low}"/>
<Baseline points="10,{low} 190,{low}"/><TextEquiv conf="{sure}"><Unicode>read {number}</Unicode>
</TextEquiv></TextLine>"""
PAGE = '<PcGts><Page imageFilename="{image}"><TextRegion>{lines}</TextRegion></Page></PcGts>'


class Columns(LineReader):
    """Reads "ab" in every line, the less surely the darker it is."""

    def __init__(self):
        super().__init__("ab", Calibration())

    def probabilities(self, pixels):
        sure = 0.6 + 0.3 * np.clip((pixels.mean(axis=(1, 2, 3)) + 1) / 2, 0, 1)
        columns = np.zeros((len(pixels), pixels.shape[3] // 8, 3), np.float32)
        for line, value in zip(columns, sure, strict=True):
            line[:] = (1 - value) / 2
            line[:, 0] = value
            line[2], line[6] = (
                ((1 - value) / 2, value, (1 - value) / 2),
                ((1 - value) / 2,) * 2 + (value,),
            )
        return columns


@pytest.fixture
def folder(tmp_path):
    """Two pages of three lines, of which a person has seen the first; the last is the darkest."""
    for name in "ab":
        page = Image.new("L", (200, 120), 250)
        for number, shade in enumerate((0, 120, 40)):
            ImageDraw.Draw(page).rectangle((20, 12 + 40 * number, 90, 26 + 40 * number), fill=shade)
        page.save(tmp_path / f"{name}.png")
        lines = "".join(
            LINE.format(number=n, top=10 + 40 * n, low=30 + 40 * n, sure=0.5 if n else 1)
            for n in range(3)
        )
        (tmp_path / f"{name}.xml").write_text(PAGE.format(image=f"{name}.png", lines=lines))
    return tmp_path


def test_unseen_lines_are_listed_and_drawn(folder):
    pages = []
    listed = most_useful_lines(
        unseen_lines(folder), Columns(), 3, lambda of: pages.extend(of) or of
    )
    assert len(pages) == 2
    assert {line.key for line in listed} == {"isotrope_l1", "isotrope_l2"}
    assert listed[0].key == "isotrope_l2"  # the darkest
    assert listed[0].outline.image != listed[1].outline.image
    darkness = [float(image.min()) for image in cut_out(listed)]
    assert darkness == pytest.approx([{"1": 120, "2": 40}[line.key[-1]] / 255 for line in listed])


def test_a_confirmed_sheet_is_a_data_set(folder):
    out = folder / "review"
    listed = most_useful_lines(unseen_lines(folder), Columns(), 3)
    Sheet(out).write(listed, cut_out(listed))
    assert not (out / "labels.tsv").exists()  # nobody has seen them yet
    table = (out / "review.tsv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(table, dialect="excel-tab"))
    assert [row["image"] for row in rows] == ["001.png", "002.png", "003.png"]
    assert rows[0]["line"] == "isotrope_l2"
    assert rows[0]["text"] == "ab"
    page = (out / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'data-image="([^"]*)"', page) == ["001.png", "002.png", "003.png"]
    assert "http" not in page  # nothing from outside
    (out / "labels.tsv").write_text("002.png\tcorrected\n")
    image, text = load_lines(out)[0]
    assert (text, image.shape[0]) == ("corrected", 3)


def test_a_second_round_keeps_what_was_confirmed(folder):
    out, places = folder / "review", unseen_lines(folder)
    listed = most_useful_lines(places, Columns(), 2)
    Sheet(out).write(listed, cut_out(listed))
    (out / "labels.tsv").write_text("002.png\tcorrected & kept\n", encoding="utf-8")
    kept = (out / "002.png").read_bytes()
    sheet = Sheet(out)
    left = sheet.without_confirmed(places)
    assert len(left) == len(places) - 1
    assert (listed[1].outline, listed[1].key) not in left
    again = most_useful_lines(left, Columns(), 2)
    sheet.write(again, cut_out(again))
    assert (out / "002.png").read_bytes() == kept
    page = (out / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'data-image="([^"]*)"( data-seen)?', page) == [
        *(("003.png", ""), ("004.png", ""), ("002.png", " data-seen"))
    ]
    assert 'value="corrected &amp; kept"' in page
    assert [row["image"] for row in Sheet(out).confirmed] == ["002.png"]


def test_labels_of_other_images_are_not_mixed_in(tmp_path):
    (tmp_path / "labels.tsv").write_text("mine.png\ttext\n")
    with pytest.raises(
        ValueError, match=r"has mine\.png, and review\.tsv beside it does not; give"
    ):
        Sheet(tmp_path)


def test_texts_are_escaped(folder):
    (line,) = most_useful_lines(unseen_lines(folder), Columns(), 1)
    hostile = replace(line, read=replace(line.read, text='"><script>alert(1)</script>'))
    Sheet(folder / "review").write([hostile], cut_out([hostile]))
    page = (folder / "review" / "index.html").read_text(encoding="utf-8")
    assert "&quot;&gt;&lt;script&gt;alert(1)" in page
    assert page.count("<script>") == 1


def test_nothing_to_correct(folder):
    for name in "ab":
        file = folder / f"{name}.xml"
        file.write_text(file.read_text().replace('conf="0.5"', 'conf="1"'))
    with pytest.raises(ValueError, match="has no line that only a program has read"):
        most_useful_lines(unseen_lines(folder), Columns(), 1)


def test_lines_of_pages_that_were_read(folder, caplog):
    outline = ((10.0, 10.0), (10.0, 60.0), (2.0, 60.0), (2.0, 10.0))
    line = Line("text", 0.9, 270, outline, ((4.0, 10.0), (4.0, 60.0)), slant=2.0)
    page = Page(200, 120, (Region((line,), outline),), file=str(folder / "a.png"))
    pages = [page, replace(page, number=2), ImageError("broken.png: truncated")]
    [(found, key)] = read_lines(pages)
    assert (key, found.orientation, found.image) == ("isotrope_r1l1", 272, folder / "a.png")
    assert found.box()[0] > 45
    assert "a.png: page 2 is left out" in caplog.text
    assert "broken.png: truncated; left out" in caplog.text
