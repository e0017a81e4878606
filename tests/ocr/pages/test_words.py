"""Words and their places."""

import numpy as np
import pytest

from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.pages.strips import Outline, Strip
from isotrope.ocr.pages.words import words

OUTLINE = Outline(
    np.array([[0.0, 0], [100, 0]]), np.array([[0.0, 10], [100, 10]]), np.array([0, 1.0]), np.ones(2)
)
PAGE = np.zeros((10, 100, 3), np.uint8)
STRIP = Strip(PAGE, OUTLINE, OUTLINE, (100, 10), 0.0, (255, 255, 255))


def spans(found):
    return [(word.polygon[0][0], word.polygon[1][0]) for word in found]


def test_words_stand_where_their_characters_were_read():
    places = ((0.1, 0.12), (0.2, 0.22), (0.4, 0.42), (0.6, 0.62), (0.7, 0.72))
    found = words(Transcript("ab cd", 0.5, (0.9, 0.8, 0.7, 0.6, 0.9), places=places), STRIP)
    assert [(word.text, word.confidence) for word in found] == [("ab", 0.8), ("cd", 0.6)]
    assert [word.characters for word in found] == [(0.9, 0.8), (0.6, 0.9)]
    (a, b), (c, d) = spans(found)
    assert a <= 10
    assert 22 <= b < c <= 60
    assert 72 <= d <= 76


def test_words_without_places_share_the_line_by_usual_widths():
    found = words(Transcript("mm ii", 0.5), STRIP)
    assert [(word.text, word.confidence, word.characters) for word in found] == [
        ("mm", 0.5, ()),
        ("ii", 0.5, ()),
    ]
    (a, b), (c, d) = spans(found)
    assert (a, d) == (0, 100)
    assert b == pytest.approx(100 * 3 / 4.5, abs=0.02)
    assert c == pytest.approx(100 * 3.5 / 4.5, abs=0.02)


def test_spaces_at_the_ends_and_in_a_row_are_no_words():
    assert [word.text for word in words(Transcript("  a   b ", 1.0), STRIP)] == ["a", "b"]


def test_confidences_have_four_digits():
    (word,) = words(Transcript("ab", 0.123456789, (0.987654321, 0.123456789)), STRIP)
    assert (word.confidence, word.characters) == (0.1235, (0.9877, 0.1235))
    (word,) = words(Transcript("ab", 0.123456789), STRIP)
    assert word.confidence == 0.1235
