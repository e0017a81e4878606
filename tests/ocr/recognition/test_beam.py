"""The search finds the best text of all; what a language model may change, and what not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from isotrope.ocr.recognition.beam import decode_with, search
from isotrope.ocr.recognition.ctc import align, decode
from isotrope.ocr.recognition.language import Fusion, Language
from isotrope.text.ngrams import count

CHARSET = "ab "


def language(texts=("ab ab ba", "abba"), weight=0.7, bonus=0.5) -> Language:
    return Language(CHARSET, {"own": count(texts, 3)}, {"own": 1.0}, Fusion(weight, bonus))


def columns(rng: np.random.Generator, number: int) -> np.ndarray:
    rows = rng.random((number, 4)) + 0.05
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


def collapsed(path) -> tuple[int, ...]:
    kept = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
    return tuple(c for c in kept if c)


@pytest.mark.parametrize("seed", range(20))
def test_search_finds_the_best_of_all_texts(seed):
    rows, model = columns(np.random.default_rng(seed), 4), language()
    seen: dict[tuple[int, ...], float] = {}
    for path in product(range(4), repeat=4):
        text = collapsed(path)
        seen[text] = seen.get(text, 0) + float(np.prod(rows[np.arange(4), list(path)]))

    def score(text: tuple[int, ...]) -> float:
        spelled = "".join(CHARSET[c - 1] for c in text)
        likely = model.parts["own"].log_probabilities(spelled).sum() if text else 0.0
        return np.log(seen[text]) + 0.7 * likely + 0.5 * len(text)

    best = max(seen, key=score)
    assert score(search(model, rows)) == pytest.approx(score(best), abs=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_align_finds_the_likeliest_path(seed):
    rng = np.random.default_rng(seed)
    rows, text = columns(rng, 5), np.array([1, 1, 2][: rng.integers(1, 4)])
    paths = [p for p in product(range(4), repeat=5) if collapsed(p) == tuple(text)]
    best = max(paths, key=lambda path: np.prod(rows[np.arange(5), list(path)].astype(float)))
    runs = align(rows, text)
    path = np.zeros(5, int)
    for one, (first, last) in zip(text, runs, strict=True):
        path[first : last + 1] = one
    assert tuple(path) == best


def spelled(text: str, sure: float, other: str = "") -> np.ndarray:
    """A column for each character and a blank after it; `other` shares the first column."""
    rows = np.full((2 * len(text), 4), 1e-4, np.float32)
    for place, character in enumerate(text):
        rows[2 * place, CHARSET.index(character) + 1] = sure
        rows[2 * place + 1, 0] = 1
    if other:
        rows[0, CHARSET.index(other) + 1] = 1 - sure
    return rows


def test_a_certain_line_is_not_touched():
    rows = spelled("aaab", 0.999)
    model = language(texts=["b" * 50], weight=2.0)
    assert decode_with(model, rows, CHARSET, 8.0) == decode(rows, CHARSET, 8.0)


def test_a_doubtful_character_is_what_makes_a_word():
    rows = spelled("ab", 0.45, "b")  # more likely "bb"
    assert decode(rows, CHARSET).text == "bb"
    found = decode_with(language(texts=["ab"] * 9), rows, CHARSET)
    assert found.text == "ab"
    assert found.columns == ((0, 0), (2, 2))
    assert 0.5 < found.confidences[0] < found.confidences[1] <= 1
    doubtful = decode_with(language(texts=["ab"] * 9, weight=0.1), rows, CHARSET)
    assert doubtful.confidences[0] < found.confidences[0]


def test_spaces_at_the_ends_are_dropped():
    found = decode_with(language(), spelled(" ab ", 0.6), CHARSET)
    assert (found.text, len(found.confidences), found.columns) == ("ab", 2, ((2, 2), (4, 4)))


def test_what_is_hardly_seen_and_never_written_is_nothing():
    rows = spelled("b", 0.52)
    rows[0, 0] = 0.48
    unlikely = language(texts=["a" * 50], weight=2.0, bonus=0.0)
    assert decode(rows, CHARSET).text == "b"
    found = decode_with(unlikely, rows, CHARSET)
    assert (found.text, found.confidences, found.columns) == ("", (), ())


def test_nothing_is_nothing():
    rows = np.zeros((5, 4), np.float32)
    rows[:, 0] = 0.9
    assert decode_with(language(), rows, CHARSET).text == ""
