"""Formats are found by name, and write as pages arrive."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from isotrope.ocr.document import Page
from isotrope.ocr.formats import registry
from isotrope.ocr.formats.pages import (
    PAGE_FORMATS,
    PageFormat,
    file_of,
    page_format,
    page_format_names,
)

STREAMS = [
    format.write
    for name, format in PAGE_FORMATS.items()
    if format.holds != "page" and name != "pdf"  # a PDF has its table of contents at its end
]


@pytest.mark.parametrize("write", STREAMS)
def test_writers_are_lazy(write, page):
    def pages():
        yield page
        raise AssertionError("read ahead")

    written = []
    with pytest.raises(AssertionError, match="read ahead"):
        written.extend(write(pages()))  # what came before the error is kept
    assert b"heading" in b"".join(written)


def shouted(pages, source=file_of):
    return (page.text.upper().encode() for page in pages)


def test_another_package_brings_a_format(monkeypatch, page):
    entry = EntryPoint("shout", f"{__name__}:SHOUT", "isotrope.page_formats")
    monkeypatch.setattr(EntryPoint, "load", lambda self: PageFormat(shouted, ".shout"))

    def entry_points(**wanted):
        return EntryPoints([entry]).select(**wanted)

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert page_format_names() == [*PAGE_FORMATS, "shout"]
    assert b"UPWARDS" in b"".join(page_format("shout").write([page]))
    assert page_format("text") is PAGE_FORMATS["text"]


def test_an_unknown_format():
    with pytest.raises(ValueError, match="no format 'docx'; choose one of text, "):
        page_format("docx")


def test_the_picture_of_a_page(page):
    assert file_of(page) == Path("a & b.png")
    with pytest.raises(ValueError, match="page 1 names no file; give its image as `source`"):
        file_of(Page(1, 1))
