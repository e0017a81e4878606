"""Pages as plain text and as rows of JSON."""

import json
import os

from isotrope.ocr.document import Page
from isotrope.ocr.document_json import page_from_json
from isotrope.ocr.formats.pages.jsonl import jsonl_pages
from isotrope.ocr.formats.pages.text import text_pages


def test_text(document, page):
    text = b"".join(text_pages(document)).decode()
    assert text.startswith("A heading & more\n\nfirst line,\nsecond <line>\n\nslanted text\n\n")
    assert text == page.text + "\n\f"
    assert b"".join(text_pages([page, page])).decode() == f"{page.text}\n\f{page.text}\n"


def test_no_text():
    assert b"".join(text_pages([])) == b"".join(text_pages([Page(1, 1)])) == b""


def test_json_lines(document):
    rows = b"".join(jsonl_pages(document)).decode().splitlines()
    assert tuple(page_from_json(json.loads(row)) for row in rows) == document.pages
    assert "日本" in rows[0]
    assert b"".join(jsonl_pages([])) == b""


def test_file_names_that_are_no_utf8():
    name = os.fsdecode(b"caf\xe9.png")
    [row] = jsonl_pages([Page(1, 1, file=name)])
    assert json.loads(row.decode("utf-8"))["file"] == name
    assert list(text_pages([Page(1, 1, file=name)])) == [b""]
