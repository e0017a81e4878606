"""Which character looks like another."""

import string

import pytest

from isotrope.text.alike import alike


@pytest.mark.parametrize(
    ("character", "near"),
    [
        ("å", "a"),
        ("đ", "d"),
        ("ſ", "f"),
        ("Α", "A"),
        ("ά", "a"),
        ("И", None),
        ("ﬁ", "f"),
        ("漢", None),
    ],
)
def test_the_letter_it_is_made_of_or_looks_like(character, near):
    assert alike(character, string.ascii_letters) == near


def test_only_of_the_charset():
    assert alike("å", "bc") is None
    assert alike("ά", "α") == "α"
    assert alike("a", "a") is None  # itself is not another
