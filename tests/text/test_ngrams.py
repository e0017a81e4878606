"""n-gram models are distributions, equal the formula, and survive being saved."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.text.ngrams import Ngrams, count

TEXTS = st.lists(st.text("abc ", min_size=1, max_size=12), min_size=1, max_size=6).filter(
    lambda texts: bool("".join(texts).strip())
)


def naive(text: str, history: str, character: str, order: int) -> float:
    """The formula of the module, from counts."""
    characters = sorted(set(text))
    if character not in characters:
        return 0.0
    p = 1 / (len(characters) + 1)
    for length in range(min(order, len(history) + 1)):
        end = history[len(history) - length :]
        after = Counter(
            text[i + length] for i in range(len(text) - length) if text[i : i + length] == end
        )
        if not after:
            return p
        n, u = after.total(), len(after)
        p = (after[character] + u * p) / (n + u)
    return p


@given(TEXTS, st.text("abc ", max_size=6), st.integers(1, 4))
def test_equals_the_formula(texts, line, order):
    model = count(texts, order)
    text = f" {' '.join(texts)} "
    scores = model.log_probabilities(line)
    for place, character in enumerate(line):
        expected = naive(text, (" " + line)[: place + 1], character, order)
        if expected:
            assert np.exp(scores[place]) == pytest.approx(expected)


@given(TEXTS, st.text("abcd ", max_size=6), st.integers(1, 4), st.integers(1, 3))
def test_probabilities_sum_to_one(texts, line, order, least):
    model = count(texts, order, least)
    every = np.append(model.encode(model.characters), -1)  # with one that is not known
    scores, _ = model.step(model.states(line), every)
    assert np.exp(scores).sum(axis=1) == pytest.approx(1)


@given(TEXTS, st.text("abcd ", max_size=6), st.integers(1, 4))
def test_states_follow_each_other(texts, line, order):
    model = count(texts, order)
    states = model.states(line)
    for place, character in enumerate(model.encode(line)):
        _, after = model.step(states[place : place + 1], np.array([character]))
        assert (after[:, 0] == states[place + 1]).all()


def test_rare_ngrams_are_dropped():
    texts = ["the cat sat on the mat", "the dog sat on the log"]
    assert len(count(texts, least=2)) < len(count(texts))
    likely = [count(texts, least=2).log_probabilities(t).mean() for t in ("the ", "teh ")]
    assert likely[0] > likely[1]


def test_saved_and_loaded(tmp_path):
    model = count(["a naïve café", "œuvre ſo"], 5)
    model.save(tmp_path / "model.npz")
    loaded = Ngrams.load(tmp_path / "model.npz")
    assert (loaded.characters, loaded.order, len(loaded)) == (model.characters, 5, len(model))
    difference = loaded.log_probabilities("une œuvre") - model.log_probabilities("une œuvre")
    assert np.abs(difference).max() < 5 / 16  # rounded to sixteenths, at most once a length


@pytest.mark.parametrize("content", [b"", b"PK nothing", b"x" * 100])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "fr.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"fr\.npz: cannot be loaded .*copy it again"):
        Ngrams.load(path)


def test_nothing_to_count():
    with pytest.raises(ValueError, match="no text to count"):
        count(["", " "])
