"""The alphabets: each character once, each as the labels write it."""

import pytest

from isotrope.text.charset import CHARSET, LINE_CHARSET, in_charset
from isotrope.text.normalise import clean


def test_the_space_comes_first_and_the_order_of_trained_classes_stays():
    assert CHARSET[0] == " "
    assert len(CHARSET) == 338
    assert LINE_CHARSET.startswith(CHARSET)


@pytest.mark.parametrize("charset", [CHARSET, LINE_CHARSET])
def test_no_character_stands_twice_or_is_written_otherwise_in_labels(charset):
    assert len(set(charset)) == len(charset)
    assert all(clean(f"x{c}x") == f"x{c}x" for c in charset)


def test_what_is_in_the_charset():
    assert in_charset("Łódź „Straße“, 1 € ſ œ£°§…–—’«»")
    assert in_charset("")
    assert not in_charset("漢")
    assert not in_charset("α")


def test_old_print_is_in_the_line_charset_alone():
    text = "ꝯme ⁊ ꝑfaict q\u0303 tẽps ⁋ nꝰ"
    assert set(text) <= set(LINE_CHARSET)
    assert not in_charset(text)
