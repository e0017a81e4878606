"""The best path, with how sure each character is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotrope.ocr.recognition.ctc import Decoded, decode, join

CHARSET = "ab "


def probabilities(path: str, sure: float = 0.9) -> np.ndarray:
    """Columns that say the characters of `path`; `-` is the blank."""
    classes = ["-", *CHARSET]
    rows = np.full((len(path), len(classes)), (1 - sure) / (len(classes) - 1))
    rows[range(len(path)), [classes.index(c) for c in path]] = sure
    return rows


def test_runs_are_one_character_and_a_blank_parts_them():
    assert decode(probabilities("aa-abb-"), CHARSET).text == "aab"


def test_spaces_at_the_ends_are_left_out_with_their_columns():
    read = decode(probabilities(" -a b--  "), CHARSET)
    assert (read.text, read.columns) == ("a b", ((2, 2), (3, 3), (4, 4)))
    assert len(read.confidences) == 3


def test_nothing_read_has_no_confidence():
    read = decode(probabilities("----"), CHARSET)
    assert (read.text, read.confidence, read.length) == ("", 0.0, 4)


def test_the_confidence_of_a_text_is_the_mean_of_its_characters():
    rows = np.concatenate([probabilities("a", 0.4), probabilities("-b", 0.9)])
    assert np.isclose(decode(rows, CHARSET).confidence, np.sqrt(0.4 * 0.9))


@given(st.lists(st.text("ab-", min_size=1, max_size=8), min_size=1, max_size=4))
def test_pieces_are_joined_by_spaces(paths):
    parts = [decode(probabilities(path), CHARSET) for path in paths]
    whole = join(parts)
    assert whole.text == " ".join(part.text for part in parts if part.text)
    assert whole.length == sum(map(len, paths))
    assert len(whole.confidences) == len(whole.columns) == len(whole.text)
    assert all(0 <= a <= b < whole.length for a, b in whole.columns)


def test_columns_of_a_stretched_reading_lie_on_the_line():
    found = Decoded("ab", (0.9, 0.8), ((0, 2), (9, 11)), -0.1, 12)
    on_the_line = found.narrowed(8)
    assert on_the_line.columns == ((0, 1), (6, 7))
    assert (on_the_line.text, on_the_line.length) == ("ab", 8)
