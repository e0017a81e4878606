"""What is written: characters, lengths, shares and reproducibility."""

import numpy as np
import pytest

pytest.importorskip("wordfreq", reason="the lexicon draws words from wordfreq")

from isotrope.data.synthetic import lexicon, numerals
from isotrope.data.synthetic.lexicon import CASES, KINDS, TextSource, word_distribution
from isotrope.text.charset import CHARSET, in_charset


@pytest.fixture(scope="module")
def texts():
    rng, source = np.random.default_rng(0), TextSource()
    return [source.draw(rng) for _ in range(20_000)]


def test_texts_are_in_the_charset_and_within_the_limit(texts):
    assert all(in_charset(text) and 1 <= len(text) <= 40 and text == text.strip() for text in texts)


def test_most_characters_are_drawn(texts):
    assert len(set("".join(texts))) > 0.85 * len(CHARSET)


def test_capitals_small_letters_and_digits_are_all_common(texts):
    for share in (np.mean([t.isupper() for t in texts]), np.mean([t.islower() for t in texts])):
        assert 0.2 < share < 0.5
    assert 0.08 < np.mean([any(c.isdigit() for c in t) for t in texts]) < 0.25


def test_lines_have_several_words_and_the_given_limit():
    rng, source = np.random.default_rng(1), TextSource(lines=1.0, max_characters=24)
    lines = [source.draw(rng) for _ in range(500)]
    assert max(map(len, lines)) <= 24
    assert np.mean([" " in line for line in lines]) > 0.8


def test_a_generator_of_the_same_state_draws_the_same_texts():
    source = TextSource()
    first, second = (np.random.default_rng(7) for _ in range(2))
    assert [source.draw(first) for _ in range(50)] == [source.draw(second) for _ in range(50)]


def test_words_are_lower_case_and_weighted():
    words = word_distribution("de", 1000)
    assert len(words.values) == 1000
    assert words.cumulative[-1] == pytest.approx(1)
    assert (np.diff(words.cumulative) > 0).all()


def test_german_has_its_sharp_s():
    words = set(word_distribution("de", 20_000).values)
    assert {"groß", "heißt", "außer", "fluss"} <= words


def test_shares_sum_to_one():
    assert sum(KINDS.values()) == pytest.approx(1)
    assert sum(CASES.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"lines": 1.5}, "lines=1.5"), ({"max_characters": 2}, "max_characters=2")],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TextSource(**arguments)


def test_signs_say_short_words_with_many_capitals_and_few_accents():
    rng, source = np.random.default_rng(0), TextSource(lines=0.0, scene=True)
    words = [source.draw(rng) for _ in range(3000)]
    assert 0.4 < np.mean([word.isupper() for word in words]) < 0.65
    assert np.mean([not word.isascii() for word in words]) < 0.08
    assert 4.5 < np.mean([len(word) for word in words]) < 7


def test_blackletter_has_the_long_s_within_words():
    assert lexicon.blackletter("Das ist es, was Sie müssen-") == "Das iſt es, was Sie müſſen⸗"
    assert lexicon.blackletter("MESSE - 5s") == "MESSE - 5s"


def test_numbers_are_drawn_in_every_form_and_in_the_charset():
    rng = np.random.default_rng(0)
    for form in lexicon._NUMBER.values:
        drawn = [form(rng) for _ in range(200)]
        assert all(text and text == text.strip() and in_charset(text) for text in drawn), form
        assert len(set(drawn)) > 50


def test_prices_carry_a_currency_and_codes_a_digit():
    rng = np.random.default_rng(0)
    assert all(set(numerals.price(rng)) & set("$€£¥¢") for _ in range(200))
    assert all(set(numerals.code(rng)) & set("0123456789¼½¾²³¹") for _ in range(200))
    assert {len(numerals.digits(rng, 2, 4)) for _ in range(100)} == {2, 3, 4}
