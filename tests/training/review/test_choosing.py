"""The most useful lines: doubtful ones, unlike one another, from many pages, and text."""

import numpy as np

from isotrope.ocr.recognition.ctc import decode
from isotrope.training.review.choosing import ReadLine, most_useful

WORDS = ["quartz", "vow", "jumping", "fly", "brick", "dwarf", "sphinx", "judge", "pack", "liquor"]
WORDS.append("box")


def line(text, doubt, page="", ratio=None):
    return ReadLine(text, doubt, 1.0, len(text) / 2 if ratio is None else ratio, page)


def test_the_most_doubtful_come_first():
    lines = [line(word, doubt) for word, doubt in zip(WORDS, range(len(WORDS)), strict=True)]
    assert most_useful(lines, 3) == [10, 9, 8]
    assert sorted(most_useful(lines, 99)) == list(range(11))


def test_the_same_text_is_taken_once_while_there_is_another():
    lines = [line("Nr. Name Datum Betrag", 10.0) for _ in range(40)]
    lines += [line(word, 0.5) for word in WORDS]
    taken = most_useful(lines, 12)
    assert sum(number < 40 for number in taken) == 1


def test_lines_come_from_many_pages():
    lines = [line(f"{WORDS[n]} {WORDS[-n]}", 3.0 + n / 100, "a") for n in range(5)]
    lines += [line(WORDS[n + 5], 2.5, "b") for n in range(5)]
    assert {lines[number].page for number in most_useful(lines, 2)} == {"a", "b"}


def test_rules_dots_and_nothing_are_not_taken():
    lines = [line(text, 90.0, ratio=1) for text in ("", "— —", "......", "|")] + [line("word", 1.0)]
    assert most_useful(lines, 5) == [4]
    assert most_useful(lines[:4], 5) == []
    assert most_useful([], 5) == []


def test_what_is_too_sparse_for_text_comes_last():
    lines = [line("qe", 90.0, ratio=10.0)] + [line(word, 1.0) for word in WORDS]
    assert most_useful(lines, 12)[-1] == 0


def test_doubt_counts_what_was_missed_between_the_characters():
    """Confidences are those of the characters; a doubtful blank is a character that was missed."""
    sure = np.array([[0.02, 0.98, 0.0], [0.98, 0.0, 0.02], [0.02, 0.0, 0.98]])
    missed = np.array([[0.02, 0.98, 0.0], [0.55, 0.0, 0.45], [0.02, 0.0, 0.98]])
    found = [ReadLine.of(decode(columns, "ab"), 1.0) for columns in (sure, missed)]
    assert [each.text for each in found] == ["ab", "ab"]
    assert found[0].wrong == found[1].wrong
    assert found[1].doubt > 5 * found[0].doubt
    np.testing.assert_allclose(found[0].doubt, -3 * np.log(0.98))
