"""`--adapter auto`: the likeliest adapter of a page, and of a line by itself."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from isotrope.ocr.adapter_names import Adapters, Auto
from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.engines.choosing import Choosing, likeliest_of, readapted

LINES = [np.full((20, 60 + 10 * n, 3), n, np.uint8) for n in range(3)]


class Scripted:
    """Reads text whose likelihood a table gives: by adapter, then by line."""

    name, adapters_of = "scripted", "small"

    def __init__(self, table, adapter=None):
        self.table, self.adapter, self.seen = table, adapter, 0

    def with_adapter(self, adapters):
        return Scripted(self.table, None if adapters is None else adapters.name)

    def check(self, pixels):
        """As of an engine that rejects some."""

    def read(self, lines, batch_size=32):
        self.seen += len(lines)
        each = self.table[self.adapter]
        return [
            Transcript("abcd", 0.5, adapter=self.adapter, log_likelihood=each[line[0, 0, 0]])
            for line in lines
        ]


def choosing(**table):
    table = {None: table.pop("base"), **table}
    folders = [Adapters(((1.0, Path(name)),)) for name in table if name]
    return Choosing(Scripted(table), folders)


def test_a_page_gets_one_and_a_line_its_own():
    engine = choosing(base=(-8, -8, -8), a=(-4, -36, -36), b=(-6, -4, -12))
    assert [line.adapter for line in engine.read(LINES)] == ["a", "b", None]
    assert engine.chosen(LINES).adapter == "b"  # -22 in all, and -24 without
    assert engine.chosen(LINES[:1]).adapter == "a"
    assert engine.chosen(LINES[2:]).adapter is None
    assert engine.chosen([]).adapter is None
    assert engine.chosen(LINES) is engine.chosen(LINES)  # loaded once


def test_none_where_nothing_is_likelier():
    engine = choosing(base=(-2, -2, -2), a=(-2, -2, -2))
    assert engine.chosen(LINES).adapter is None


def test_likelihood_is_that_of_a_character():
    long, short = (
        Transcript("a" * n, 0.5, log_likelihood=-total) for n, total in ((20, 8.0), (10, 6.0))
    )
    assert likeliest_of([[long], [short]]) == 0  # what is left out makes a text no likelier
    assert likeliest_of([[short], [long]]) == 1
    without = [Transcript(8 * "ab", 0.25, 8 * (0.5, 0.5)), Transcript("", 0.0)]
    better = [Transcript(8 * "ab", 0.25, 8 * (0.5, 0.75)), Transcript("", 0.0)]
    assert likeliest_of([without, better]) == 1
    assert likeliest_of([[], []]) == 0


def test_a_single_word_tells_too_little():
    engine = choosing(base=(-2, -2, -2), a=(-1, -1, -1))
    assert [line.adapter for line in engine.read(LINES)] == [None] * 3
    assert engine.chosen(LINES).adapter == "a"


def test_its_engine_is_kept_in_all_else():
    engine = choosing(base=(-4,), a=(-1,))
    assert engine.name == "scripted"
    assert engine.check.__self__ is engine.engine
    assert not hasattr(engine, "window")
    assert engine.with_adapter(None) is engine.engine
    assert pickle.loads(pickle.dumps(engine)).chosen(LINES[:1]).adapter == "a"


def test_which_are_to_choose_from(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text("{}")
    engine = readapted(Scripted({}), f"auto:{tmp_path}")
    assert [each and each.name for each in engine.candidates] == [None, "a", "b"]
    assert readapted(engine, "none") is engine.engine
    again = readapted(engine, Auto(tmp_path))
    assert isinstance(again, Choosing)
    assert again.engine is engine.engine
    with pytest.raises(ValueError, match="no adapters to choose from; give auto:FOLDER"):
        readapted(engine, "auto")
    with pytest.raises(ValueError, match="does not change its adapter"):
        readapted(make_engine(lambda line: ""), f"auto:{tmp_path}")
    with pytest.raises(ValueError, match="'rapidocr' takes no adapter"):
        make_engine("rapidocr", adapter="auto")


def test_what_does_badly_at_first_reads_no_further():
    engine = choosing(base=(-9,), a=(-3,), b=(-2,), c=(-1,), d=(-4,))
    lines = [np.zeros((20, 60 + n, 3), np.uint8) for n in range(6)]
    assert engine.chosen(lines).adapter == "c"
    seen = {way and way.name: engine._adapted.get(way).seen for way in engine.candidates}
    assert seen == {None: 6, "a": 2, "b": 6, "c": 6, "d": 2}
