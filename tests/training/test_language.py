"""The language model that is fitted is the one that helps, or none."""

from __future__ import annotations

import numpy as np
import pytest

from isotrope.ocr.recognition.ctc import decode
from isotrope.text.ngrams import count
from isotrope.training.language import counted, fit_language, fit_shares

CHARSET = "abcdehlortw "


def doubtful(text: str, wrong: str) -> tuple[np.ndarray, str]:
    """Columns of a text in which every fourth character is read as another one by a little."""
    rows = np.full((2 * len(text), len(CHARSET) + 1), 1e-4, np.float32)
    for place, character in enumerate(text):
        sure = 0.45 if place % 4 == 1 else 0.95
        rows[2 * place, CHARSET.index(character) + 1] += sure
        rows[2 * place, CHARSET.index(wrong) + 1] += 0.95 - sure
        rows[2 * place + 1, 0] = 1
    return rows, text


def test_fewer_errors():
    texts = ["the other world", "we heard the oath", "to the rear"] * 5
    held_out = [doubtful(text, "b") for text in ("the rear world", "the other oath")]
    assert all(decode(rows, CHARSET).text != text for rows, text in held_out)
    found = fit_language(texts, held_out, CHARSET)
    assert found is not None
    language, read = found
    assert read == ["the rear world", "the other oath"]
    assert language.shares["own"] > 0.5
    assert language.fusion.weight > 0


def test_none_where_nothing_is_misread():
    rows, _ = doubtful("the", "t")
    certain = decode(rows, CHARSET).text
    assert fit_language(["the"] * 3, [(rows, certain)], CHARSET) is None


def test_shares_are_those_of_the_texts():
    parts = {"a": count(["ab ab ab"] * 9), "c": count(["cd cd cd"] * 9), "e": count(["he"] * 9)}
    shares = fit_shares(parts, ["ab ab", "ab ab", "ab ab", "cd cd"])
    assert set(shares) == {"a", "c"}
    assert shares["a"] == pytest.approx(0.75, abs=0.1)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_a_large_model_is_made_smaller():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list(CHARSET), 40)) for _ in range(60)]
    assert len(counted(texts, 2000)) <= 2000 < len(counted(texts))
