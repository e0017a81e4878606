"""Tesseract's columns, read as its users read them."""

import csv
import io
from dataclasses import replace

from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.formats.pages.tsv import tsv_pages


def rows_of(pages):
    text = b"".join(tsv_pages(pages)).decode()
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_a_page(document, page):
    rows = rows_of(document)
    names = "level page_num block_num par_num line_num word_num left top width height conf text"
    assert " ".join(rows[0]) == names
    counts = {str(level): sum(row["level"] == str(level) for row in rows) for level in range(1, 6)}
    lines, words = len(page.lines), sum(len(line.words) for line in page.lines)
    assert counts == {"1": 2, "2": 7, "3": 7, "4": lines, "5": words}
    assert [row["page_num"] for row in rows if row["level"] == "1"] == ["1", "2"]
    word = next(row for row in rows if row["text"] == "line,")
    assert [word[name] for name in ("block_num", "par_num", "line_num", "word_num")] == list("2112")
    assert [word[name] for name in ("left", "top", "width", "height")] == ["112", "82", "60", "24"]
    assert word["conf"] == "12.3456"
    assert {row["conf"] for row in rows if row["level"] != "5"} == {"-1"}
    assert " ".join(row["text"] for row in rows if row["block_num"] == "7").split() == [
        *("𝔄𝔟𝔠", "שלום", "日本", "ſtraße")
    ]


def test_pages_of_several_files_are_numbered_on(page):
    pages = [replace(page, number=3), replace(page, file="b.png", number=1)]
    assert {row["page_num"] for row in rows_of(pages)} == {"3", "4"}


def test_a_line_without_words_and_outside_of_the_page():
    line = Line("a\tb\nc", 0.5, 0, ((-3, -2), (9.5, 2), (12, 30)), ((0, 9), (9, 9)))
    rows = rows_of([Page(10, 20, (Region((line, replace(line, text="")), line.polygon),))])
    assert [row["text"] for row in rows] == ["", "", "", "", "a b c", ""]
    assert [rows[4][name] for name in ("left", "top", "width", "height")] == ["0", "0", "10", "20"]
