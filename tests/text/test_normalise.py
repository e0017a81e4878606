"""Labels as the reader writes them."""

from hypothesis import given
from hypothesis import strategies as st

from isotrope.text.normalise import clean


def test_labels_are_composed_single_spaced_and_without_soft_hyphens():
    assert clean("cafe\u0301") == "caf\u00e9"
    assert clean("  two\t words\u00a0here \r") == "two words here"
    assert clean("Donau\u00ad") == "Donau-"
    assert clean(None) == clean("") == ""


@given(st.text())
def test_cleaning_twice_changes_nothing(text):
    assert clean(clean(text)) == clean(text)
