"""Which characters of labels an adapter adds."""

import logging

import pytest

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.data.lines import LabeledLines
from isotrope.training.new_characters import with_new_characters


def labeled(tmp_path, *texts):
    rows = "\n".join(f"{n}.png\t{text}" for n, text in enumerate(texts))
    (tmp_path / "labels.tsv").write_text(rows, encoding="utf-8")
    return LabeledLines(tmp_path)


def texts(lines):
    return [text for _, text in lines.items]


def test_frequent_ones_are_added_and_rare_ones_written_otherwise(tmp_path, caplog):
    given = labeled(tmp_path, "aЖbЖ", "Жﬁ", "Ωa", "a\u200bb", "a\u0301")
    with caplog.at_level(logging.WARNING):
        lines, new = with_new_characters(given, "abfi", 3)
    assert new == "Ж"
    assert texts(lines) == ["aЖbЖ", "Жfi", "Ωa", "ab", "á"]  # the last is composed: NFC
    assert "rare characters are written otherwise: ﬁ as fi" in caplog.text
    assert texts(given)[1] == "Жﬁ"


def test_none_is_added_if_none_is_wanted_or_known(tmp_path):
    given = labeled(tmp_path, "ЖЖЖ", "\ufffd\ufffd\ufffd", "\x07\x07\x07")
    assert with_new_characters(given, "a", 0)[1] == ""
    assert with_new_characters(given, "Ж", 1)[1] == ""  # nor what has no shape
    assert with_new_characters(given, "a", 3)[1] == "Ж"
