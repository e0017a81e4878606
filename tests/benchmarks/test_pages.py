"""benchmarks/pages.py: what it counts, the pages it makes, and its results."""

import os
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

    def __init__(self, reader, threads, limit):
        self.always = reader == "always"
        assert (threads, limit) == (2, 600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, pixels, degrees):
        upright = turn(pixels, -degrees)
        text = "one line" if self.always or degrees == 0 else ""
        assert upright.shape == (60, 100, 3)
        return PageRead(text, [outline(5, 10, 95, 20)], upright=text), 0.5, 100.0


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """Measure readers on the folder; results go there instead of into the repository."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")

    def of(*options):
        arguments = pages.parsed([str(folder), *options])
        console = Console(file=StringIO())
        assert pages.run(PageSet(folder), "two", arguments, console) == []
        return measuring.todays(pages.STUDY)

    return of


def test_results_tables_and_sameness(run, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PageWorker", FakeWorker)
    rows = run("--readers", "always", "upright")
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


def test_what_was_measured_is_not_measured_again(run, monkeypatch):
    monkeypatch.setattr(pages, "PageWorker", FakeWorker)
    run("--readers", "always", "--conditions", "0", "--untimed")

    def forbidden(self, pixels, degrees):
        raise AssertionError("measured again")

    monkeypatch.setattr(FakeWorker, "__call__", forbidden)
    rows = run("--readers", "always", "--conditions", "0")
    assert [row["seconds"] for row in rows] == ["", ""]
    assert "| always | 100.0 | 0.0 |  |  | 100 |" in page_report.tables(rows)


def test_a_run_that_is_killed_keeps_what_it_measured(run, monkeypatch):
    monkeypatch.setattr(pages, "PageWorker", FakeWorker)
    once, reading = iter([True, False]), FakeWorker.__call__

    def killed(self, pixels, degrees):
        if not next(once):
            raise KeyboardInterrupt
        return reading(self, pixels, degrees)

    monkeypatch.setattr(FakeWorker, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        run("--readers", "always", "--conditions", "0")
    assert [row["page"] for row in measuring.todays(pages.STUDY)] == ["a.png"]
    monkeypatch.setattr(FakeWorker, "__call__", reading)
    assert [row["page"] for row in run("--readers", "always", "--conditions", "0")] == [
        "a.png",
        "b.png",
    ]


TESSERACT = """#!/bin/sh
if [ ! -e {folder}/asked ]; then touch {folder}/asked; {first}; fi
printf 'level\tblock_num\tpar_num\tline_num\ttext\n5\t1\t1\t1\tone\n5\t1\t1\t1\tline\n'
"""


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("sleep 60", "tesseract: no answer in 3 s"),
        ("echo 'no luck' >&2; exit 3", "ended with status 3 (no luck)"),
    ],
)
def test_a_page_that_fails_is_a_row(run, tmp_path, monkeypatch, first, why):
    program = tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    program.write_text(TESSERACT.format(folder=tmp_path, first=first))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    one, two = run("--readers", "tesseract", "--conditions", "0", "--limit", "3")
    assert why in one["failed"]
    assert (one["words_right"], two["words_right"], two["failed"]) == ("", "2", "")
    assert page_report.mean_f1([one, two], "words") == 0.5
    assert "| tesseract | 0.0 | 50.0 |" in page_report.tables([one, two])


def test_a_program_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setenv("KRAKEN", "no-such-kraken")
    with pytest.raises(ValueError, match="the program no-such-kraken is not on the PATH"):
        page_readers.load_page_reader("kraken")


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
