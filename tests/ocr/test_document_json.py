"""Documents are the same after a round trip through JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.ocr.document import Document, Line, Page, Region, Word
from isotrope.ocr.document_json import (
    document_from_json,
    document_to_json,
    page_from_json,
    page_to_json,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=5).map(tuple)
SHARES = st.floats(0, 1)
SEVERAL = st.lists(SHARES, max_size=3).map(tuple)
TURNS = st.sampled_from([0, 90, 180, 270])
TEXTS = st.text()


def some(values):
    return st.lists(values, max_size=2).map(tuple)


WORDS = st.builds(Word, TEXTS, SHARES, POINTS, SEVERAL)
LINES = st.builds(Line, TEXTS, SHARES, TURNS, POINTS, POINTS, some(WORDS), NUMBERS, SEVERAL)
REGIONS = st.builds(Region, some(LINES), POINTS, TURNS, st.sampled_from(["text", "table"]))
SIZES = st.integers(0, 20_000)
FILES = st.none() | TEXTS
PAGES = st.builds(
    Page,
    *(SIZES, SIZES, some(REGIONS), TURNS, NUMBERS, FILES, st.integers(1, 9)),
    st.none() | NUMBERS,
)


@given(PAGES)
def test_a_page(page):
    assert page_from_json(json.loads(json.dumps(page_to_json(page)))) == page


@given(st.builds(Document, some(PAGES), FILES))
def test_a_document(document):
    assert document_from_json(json.loads(json.dumps(document_to_json(document)))) == document


def test_names_of_an_object():
    page = Page(3, 4, (Region((Line("a b", 0.5, 90, ((0, 0),), ((0, 0),)),), ((1.5, 2.0),)),))
    value = page_to_json(page)
    assert list(value) == [
        *("width", "height", "regions", "orientation", "slant", "file", "number", "resolution"),
        "adapter",
    ]
    assert value["regions"][0]["polygon"] == [[1.5, 2.0]]
    assert value["regions"][0]["lines"][0]["text"] == "a b"


def changed(**members):
    line = {"text": "a", "confidence": 1, "orientation": 0, "polygon": [[0, 0]], "baseline": []}
    line |= members
    return {"width": 1, "height": 1, "regions": [{"lines": [line], "polygon": []}]}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], r"page is '\[\]'; it must be an object"),
        ({"width": 1}, "page.height is missing; a page needs it"),
        ({"width": 1, "height": "2"}, "page.height is '2'; it must be a whole number"),
        ({"width": 1, "height": True}, "page.height is 'True'; it must be a whole number"),
        (changed(text=None), r"page.regions\[0\].lines\[0\].text is 'None'; it must be a string"),
        (changed(baseline=[[1]]), r"lines\[0\].baseline\[0\] has 1 numbers; a point is \[x, y\]"),
        (changed(words="ab"), r"words is 'ab'; it must be a list"),
        (changed(colour=1), r"lines\[0\] has no member 'colour', only text, confidence, "),
    ],
)
def test_other_values(value, problem):
    with pytest.raises(ValueError, match=problem):
        page_from_json(value)
