"""A Markdown reader shows the text as it was read."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.formats.pages.markdown import markdown_pages

READER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
SQUARE = ((0, 0), (9, 0), (9, 9), (0, 9))


def shown(*regions, pages=1):
    page = Page(600, 400, regions)
    return READER.render(b"".join(markdown_pages([page] * pages)).decode())


def region_at(*cells, turn=0, kind="table"):
    """A region of lines of text at boxes, which is then turned."""
    lines = tuple(
        Line(text, 1.0, 0, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), ((x0, y1), (x1, y1)))
        for text, x0, y0, x1, y1 in cells
    )
    return Page(600, 400, (Region(lines, SQUARE, 0, kind),)).turned(turn).regions[0]


def text_of(markup):
    return html.unescape(re.sub("<[^>]*>", "", markup))


def test_a_page(page):
    markup = shown(*page.regions)
    assert "<h2>A heading &amp; more</h2>" in markup
    assert "<p>first line,\nsecond &lt;line&gt;</p>" in markup
    assert "<p>𝔄𝔟𝔠 שלום 日本 ſtraße</p>" in markup


KINDS = pytest.mark.parametrize("kind", ["text", "heading", "table"])
TRICKY = [
    *("1. one", "2) two", "- dash", "+ plus", "# hash", "> more", "=", "---", "***", "a_b_c"),
    *("<b>", "&amp;", "[a](b)", "![a]", "a\\b", "a | b", "| a |", "~~gone~~", "    code", "=\n="),
    *("<!-- x -->", "http://a.b", "a  ", ":---", "12.5 mm", "*", "1.", "`x`", "x #", "\x1cx"),
]


def is_shown(text, kind):
    text = text.replace("\0", "\ufffd")  # as CommonMark has it
    markup = shown(region_at((text, 0, 0, 9, 9), kind=kind))
    return text_of(markup).split() == text.split()


@KINDS
@pytest.mark.parametrize("text", TRICKY)
def test_text_is_not_taken_for_markup(kind, text):
    assert is_shown(text, kind)


@KINDS
@given(
    st.text(st.sampled_from("#*_-+=>.)(1`~[]!<&;\\| \tab:$\n"), max_size=8) | st.text(max_size=8)
)
def test_no_text_is_taken_for_markup(kind, text):
    assert is_shown(text, kind)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_table(turn):
    table = region_at(
        *(("Name", 0, 0, 80, 20), ("a|b", 100, 2, 150, 22)),
        *(("one", 0, 30, 40, 50), ("two", 100, 30, 140, 50), ("more", 142, 30, 150, 50)),
        ("last", 110, 60, 150, 80),
        turn=turn,
    )
    rows = re.findall("<tr>(.*?)</tr>", shown(table), re.DOTALL)
    cells = [re.findall("<t[hd]>(.*?)</t[hd]>", row) for row in rows]
    assert cells == [["Name", "a|b"], ["one", "two more"], ["", "last"]]


def test_pages_without_text():
    blank = Region((Line(" ", 0.1, 0, SQUARE, SQUARE),), SQUARE)
    assert b"".join(markdown_pages([])) == b"".join(markdown_pages([Page(1, 1, (blank,))])) == b""
    assert (
        shown(region_at(("a", 0, 0, 9, 9), kind="text"), pages=2) == "<p>a</p>\n<hr />\n<p>a</p>\n"
    )
