"""benchmarks/pages.py: what it counts, the pages it makes, and its results."""

from io import StringIO

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import measuring
import page_readers
import page_report
import pages
from isotrope.data.page_labels import LabeledPage, PageLine
from isotrope.io.resize import turn
from page_readers import PageRead
from page_scoring import Counts, edits, line_counts, word_counts
from page_sets import PageSet, mosaic, turned


def outline(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def test_words_are_counted_whatever_their_order_and_case():
    counts = word_counts("the The cat\nsat", "The cat sat on the mat")
    assert counts == Counts(4, 4, 6)
    assert counts.f1 == pytest.approx(0.8)
    assert word_counts("", "").f1 == 1.0
    assert word_counts("a a a", "a").right == 1


def test_lines_are_paired_one_to_one_by_overlap():
    truth = [outline(0, 0, 100, 10), outline(0, 20, 100, 30)]
    found = [outline(0, 0, 100, 11), outline(0, 1, 100, 11), outline(0, 20, 49, 30)]
    assert line_counts(found, truth) == Counts(1, 3, 2)
    assert line_counts([], truth) == Counts(0, 0, 2)
    crossed = np.array([[0, 0], [10, 10], [10, 0], [0, 10]], float)
    assert line_counts([crossed], [crossed]).right == 1


def test_edits_ignore_line_ends_but_not_order():
    assert edits("a  b\nc", "a b c") == (0, 5)
    assert edits("c\na b", "a b c")[0] > 0


@pytest.fixture
def labeled():
    pixels = np.full((60, 100, 3), 255, np.uint8)
    pixels[10:20, 5:95] = 0
    line = PageLine(np.array([[5.0, 18], [95, 18]]), outline(5, 10, 95, 20), 10.0, "one line")
    return LabeledPage(pixels, (line,))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 10, 30])
def test_a_turned_page_has_its_lines_where_the_ink_is(labeled, degrees):
    page = turned(labeled, degrees)
    middle = page.lines[0].polygon.mean(axis=0)
    column, row = middle.astype(int)
    assert page.pixels[row, column].max() < 40
    assert page.lines[0].direction == pytest.approx(degrees if degrees <= 180 else degrees - 360)


def test_a_mosaic_sets_the_same_blocks_upright_and_turned(labeled):
    upright, both = (mosaic([labeled] * 4, a) for a in ((0, 0, 0, 0), (0, 90, 180, 270)))
    assert upright.size == both.size
    for page in (upright, both):
        assert len(page.lines) == 4
        for line in page.lines:
            column, row = line.polygon.mean(axis=0).astype(int)
            assert page.pixels[row, column].max() == 0
    assert [round(line.direction) % 360 for line in both.lines] == [0, 90, 180, 270]


XML = """<PcGts><Page imageFilename="{name}" imageWidth="100" imageHeight="60"><TextRegion>
<TextLine><Coords points="5,10 95,10 95,20 5,20"/><Baseline points="5,18 95,18"/>
<TextEquiv><Unicode>one line</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""


@pytest.fixture
def folder(labeled, tmp_path):
    for name in ("a", "b"):
        Image.fromarray(labeled.pixels).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.xml").write_text(XML.format(name=f"{name}.png"))
    return tmp_path


class FakeWorker:
    """Reads upright pages only, unless its name says that it reads at any turn."""

    def __init__(self, reader):
        self.always = reader == "always"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, pixels, degrees):
        upright = turn(pixels, -degrees)
        text = "one line" if self.always or degrees == 0 else ""
        assert upright.shape == (60, 100, 3)
        return PageRead(text, [outline(5, 10, 95, 20)], upright=text), 0.5, 100.0


def test_results_tables_and_sameness(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(pages, "PageWorker", FakeWorker)
    ours, console = PageSet(folder), Console(file=StringIO())
    run = (["always", "upright"], pages.QUARTERS, False, console)
    assert pages.run(ours, "two", *run) == []
    rows = pages.recorded()
    assert len(rows) == 2 * 2 * 4
    assert rows[0]["page"] == "a.png"
    by_reader = {name: [r for r in rows if r["reader"] == name] for name in ("always", "upright")}
    assert page_report.same_share(by_reader["always"]) == 1.0
    assert page_report.same_share(by_reader["upright"]) == 0.0
    assert page_report.mean_f1(by_reader["upright"], "words") == 0.25
    table = page_report.tables(rows)
    assert "| always | 100.0 | 100.0 | 100.0 | 100.0 |" in table
    assert "| always | 100.0 | 0.0 | 100.0 | 0.50 | 100 |" in table
    page_report.draw(rows, tmp_path / "pages.png")
    assert (tmp_path / "pages.png").stat().st_size > 1000


def test_what_was_measured_is_not_measured_again(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(pages, "PageWorker", FakeWorker)
    ours, console = PageSet(folder), Console(file=StringIO())
    pages.run(ours, "two", ["always"], ["0"], False, console)

    def forbidden(self, pixels, degrees):
        raise AssertionError("measured again")

    monkeypatch.setattr(FakeWorker, "__call__", forbidden)
    pages.run(ours, "two", ["always"], ["0"], False, console)
    assert len(pages.recorded()) == 2


def test_tesseracts_words_and_lines():
    rows = [
        {"level": "4", "block_num": "1", "par_num": "1", "line_num": "1"}
        | {"left": "1", "top": "2", "width": "10", "height": "4", "text": ""},
        *(
            {"level": "5", "block_num": "1", "par_num": "1", "line_num": "1", "text": text}
            for text in ("two", "words", " ")
        ),
    ]
    read = page_readers._from_tsv(rows)
    assert read.text == "two words"
    assert read.lines[0].tolist() == [[1, 2], [11, 2], [11, 6], [1, 6]]


def test_an_unknown_reader_is_named():
    with pytest.raises(ValueError, match="reader 'nobody' is not known; use isotrope"):
        page_readers.load_page_reader("nobody")
