"""Every format is well-formed whatever the text, and gives back what it can hold."""

import csv
import io
import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.document_json import page_from_json
from isotrope.ocr.formats.pages import page_format, page_format_names

# No high surrogate: before a low one, JSON makes one character of both.
HARD = "\0\x1b\x7f\x85\udfff\udcff\u2028\u202e\u0301\ufffe\U0010ffff\t\n\r\v \u00a0<&>]\"'\\,;|*_#`"
HARD_TEXT = st.text(HARD, min_size=1, max_size=8)
TEXTS = st.lists(st.text(max_size=8) | HARD_TEXT, min_size=1, max_size=4)
BOX = ((10.0, 10.0), (90.0, 10.0), (90.0, 30.0), (10.0, 30.0))


def page_of(words, file=None):
    """A page with a line of these words."""
    made = tuple(Word(word, 0.9, BOX, (0.9,) * len(word)) for word in words)
    text = " ".join(words)
    line = Line(text, 0.9, 0, BOX, (BOX[3], BOX[2]), made, 0.0, (0.9,) * len(text))
    return Page(100, 50, (Region((line,), BOX, 0),), file=file)


def written(name, *pages):
    source = np.full((50, 100, 3), 255, np.uint8)
    return b"".join(page_format(name).write(pages, lambda _: source))


@pytest.mark.parametrize("name", ["alto", "page"])
@settings(deadline=None)
@given(words=TEXTS, file=st.text(HARD))
def test_xml(name, words, file):
    ElementTree.fromstring(written(name, page_of(words, file)))


@settings(deadline=None)
@given(words=TEXTS, file=st.text(HARD))
def test_hocr(words, file):
    content = written("hocr", page_of(words, file))
    ElementTree.fromstring(content)
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(content.decode())
    assert "script" not in tags


@settings(deadline=None)
@given(words=TEXTS, file=st.text(HARD))
def test_json_lines(words, file):
    page = page_of(words, file)
    line, rest = written("jsonl", page).decode().split("\n")
    assert not rest
    assert page_from_json(json.loads(line)) == page


@settings(deadline=None)
@given(words=TEXTS, file=st.text(HARD))
def test_tsv(words, file):
    content = written("tsv", page_of(words, file)).decode()
    rows = list(csv.reader(io.StringIO(content, newline="\n"), "excel-tab", quoting=csv.QUOTE_NONE))
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("name", ["text", "md"])
@settings(deadline=None)
@given(words=TEXTS, file=st.text(HARD))
def test_text(name, words, file):
    written(name, page_of(words, file)).decode()


@settings(max_examples=40, deadline=None)
@given(words=TEXTS, file=st.text(HARD))
def test_pdf(words, file):
    with pikepdf.open(io.BytesIO(written("pdf", page_of(words, file)))) as pdf:
        assert len(pdf.pages) == 1
        assert not pdf.check_pdf_syntax()


def test_every_format_is_tested_here():
    known = {"alto", "page", "hocr", "jsonl", "tsv", "text", "md", "pdf"}
    assert set(page_format_names()) == known
