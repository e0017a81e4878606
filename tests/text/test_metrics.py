"""Error rates against counts made by hand."""

import pytest

from isotrope.text.metrics import cer, wer, word_accuracy


def test_cer_counts_all_texts_together():
    assert cer(["abc"], ["abc"]) == 0
    assert cer(["abd", "wxyz"], ["abc", "wxyz"]) == pytest.approx(1 / 7)
    assert cer(["", "b"], ["a", "b"]) == pytest.approx(1 / 2)
    assert cer(["aaaa"], ["a"]) == pytest.approx(3)


def test_empty_references():
    assert cer([""], [""]) == 0
    assert cer(["ab", "xy"], ["", "xy"]) == pytest.approx(1)
    assert cer(["abc"], [""]) == 3
    assert wer(["a b"], [""]) == 2
    assert wer([""], [""]) == 0
    assert word_accuracy(["", "x"], ["", ""]) == 0.5


def test_wer():
    assert wer(["the cat sat"], ["the cat sat"]) == 0
    assert wer(["the hat sat", "on"], ["the cat sat", "on"]) == pytest.approx(1 / 4)


def test_composed_and_decomposed_letters_are_the_same():
    assert cer(["cafe\u0301"], ["caf\u00e9"]) == 0
    assert word_accuracy(["cafe\u0301"], ["caf\u00e9"]) == 1


def test_word_accuracy():
    read, true = ["Apple", "it's", "x", "Straße"], ["apple", "its", "x", "STRASSE"]
    assert word_accuracy(read, true) == 0.25
    assert word_accuracy(read, true, case_sensitive=False) == 0.75
    assert word_accuracy(read, true, alphanumeric=True) == 0.5
    assert word_accuracy(read, true, case_sensitive=False, alphanumeric=True) == 1


@pytest.mark.parametrize("metric", [cer, wer, word_accuracy])
def test_bad_arguments(metric):
    with pytest.raises(ValueError, match="2 predictions for 1 references; give one for each"):
        metric(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="at least one"):
        metric([], [])
    with pytest.raises(ValueError, match="give lists of texts"):
        metric("abc", "abc")
