import numpy as np
import pytest

from isotrope.ocr.translation.pieces import SIZE
from isotrope.text.tokens import BOS, EOS, PAD
from isotrope.training.translation.samples import (
    IGNORED,
    FeatureBank,
    PieceSample,
    collate,
    curled,
    misread,
)


@pytest.fixture
def bank():
    features = np.array([[1, 0], [3, 0], [0, 5]], np.float16)
    return FeatureBank("aab", features, most=4)


def test_a_text_is_written_in_vectors_of_its_own_characters(bank):
    drawn = bank.draw("abba", np.random.default_rng(0))
    assert drawn.shape == (4, 2)
    assert drawn[1].tolist() == drawn[2].tolist() == [0, 5]
    assert {tuple(drawn[0]), tuple(drawn[3])} <= {(1, 0), (3, 0)}
    assert bank.mean("ab").tolist() == [[2, 0], [0, 5]]


def test_unknown_characters_are_zero(bank):
    assert not bank.draw("zz", np.random.default_rng(0)).any()
    assert not bank.mean("z").any()


def test_about_a_third_of_the_texts_are_misread():
    rng, text = np.random.default_rng(0), "the cat sleeps on the table and the dog eats"
    written = [misread(text, rng, "xyz") for _ in range(1000)]
    assert 0.15 < np.mean([other != text for other in written]) < 0.35
    assert all(abs(len(other) - len(text)) < 12 for other in written)


def test_half_of_the_apostrophes_are_curled():
    rng = np.random.default_rng(0)
    written = [curled("j'ai", rng) for _ in range(100)]
    assert 30 < written.count("j’ai") < 70
    assert set(written) == {"j'ai", "j’ai"}


def test_a_batch_is_padded():
    long = PieceSample(np.ones((3, SIZE, 2), np.float16), [7, 8])
    short = PieceSample(np.ones((1, SIZE, 2), np.float16), [9])
    batch = collate([long, short])
    assert batch["pieces"].shape == (2, 3, SIZE, 2)
    assert batch["present"].tolist() == [[True] * 3, [True, False, False]]
    assert batch["tokens"].tolist() == [[BOS, 7, 8], [BOS, 9, PAD]]
    assert batch["labels"].tolist() == [[7, 8, EOS], [9, EOS, IGNORED]]
    assert not batch["pieces"][1, 1:].any()
