"""Differences of texts, and confusions of characters."""

import pytest

from isotrope.text.differences import confusions, differences


@pytest.mark.parametrize(
    ("truth", "read", "parts"),
    [
        ("abc", "abc", [("abc", "abc")]),
        ("abc", "axc", [("a", "a"), ("b", "x"), ("c", "c")]),
        ("abc", "ac", [("a", "a"), ("b", ""), ("c", "c")]),
        ("abc", "", [("abc", "")]),
        ("", "x", [("", "x")]),
        ("", "", []),
        ("e\u0301", "é", [("é", "é")]),
    ],
)
def test_the_parts_are_in_order_and_are_the_texts(truth, read, parts):
    assert differences(truth, read) == parts


def test_confusions_are_counted_over_all_texts():
    found = confusions([("sun", "fun"), ("sos", "fof"), ("a b", "ab"), ("no", "")])
    assert found == {("s", "f"): 3, (" ", ""): 1, ("n", ""): 1, ("o", ""): 1}
