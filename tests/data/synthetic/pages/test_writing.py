"""Texts of pages, from books or of random words."""

from itertools import islice, pairwise

import numpy as np
import pytest

from isotrope.data.synthetic.pages.writing import Writing
from isotrope.data.synthetic.sentences import Sentences


@pytest.fixture
def books(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("\n".join(f"Paragraph {i} ist es." for i in range(9)), encoding="utf-8")
    return Writing(Sentences([path]))


def test_paragraphs_follow_one_another(books):
    texts = list(islice(books.paragraphs(np.random.default_rng(0)), 12))
    numbers = [int(text.split()[1]) for text in texts]
    assert [(b - a) % 9 for a, b in pairwise(numbers)] == [1] * 11


def test_blackletter_has_the_long_s(books):
    text = next(books.paragraphs(np.random.default_rng(0), fraktur=True))
    assert "iſt es" in text


@pytest.mark.parametrize("kind", ["phrase", "heading", "label", "number", "entry", "folio"])
@pytest.mark.parametrize("alone", [True, False])
def test_short_texts(books, kind, alone):
    writing = Writing() if alone else books
    texts = [getattr(writing, kind)(np.random.default_rng(seed)) for seed in range(40)]
    assert all(text == text.strip() and 0 < len(text) < 75 for text in texts)
    assert len(set(texts)) > 10


def test_random_words():
    texts = list(islice(Writing().paragraphs(np.random.default_rng(0)), 3))
    assert all(len(text) > 20 for text in texts)
