"""What is done to the files of a task."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isotrope.jobs.run import answers_here
from isotrope.jobs.work import CropWork, Item, numbered
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.reader import Reader


class CountingEngine:
    name, equivariant = "counting", True

    def __init__(self):
        self.counts = []

    def read(self, lines, batch_size=32):
        self.counts.append(len(lines))
        return [Transcript(str(line[0, 0, 0]), 1.0) for line in lines]


@pytest.fixture
def items(tmp_path):
    def made(count):
        for number in range(count):
            path = tmp_path / f"{number}.png"
            Image.fromarray(np.full((4, 8), number, np.uint8)).save(path)
            yield Item(path, Path(path.name))

    return made


def test_words_are_read_in_whole_windows(items, monkeypatch):
    engine = CountingEngine()
    monkeypatch.setattr(Reader, "from_pretrained", lambda **_: Reader(engine))
    answers = list(answers_here(CropWork({}, batch_size=8).load(), items(30)))
    assert engine.counts == [8, 16, 6], "the first window is short, for early results"
    results = [answer[1].value for answer in answers if answer and answer[1].kind == "result"]
    assert [result.readings[0].text for result in results] == [str(n) for n in range(30)]
    assert [answers.index(None)] == [2 * 8]


def test_events_of_bad_and_good_words_are_in_order(items, tmp_path, monkeypatch):
    monkeypatch.setattr(Reader, "from_pretrained", lambda **_: Reader(CountingEngine()))
    loaded = CropWork({}, batch_size=8, turns=(0, 90)).load()
    task = list(items(4))
    (tmp_path / "0.png").write_bytes(b"bad")
    (tmp_path / "3.png").unlink()
    Image.new("L", (1, 1)).save(tmp_path / "1.png")
    task.append(Item(Path("-"), Path("stdin"), b""))
    events = list(loaded.read(task))
    kinds = [(event.index, event.kind) for event in events]
    bad = [(index, kind) for index in (0, 1) for kind in ("problem", "end")]
    late = [(index, kind) for index in (3, 4) for kind in ("problem", "end")]
    assert kinds == [*bad, (2, "result"), (2, "end"), *late]
    assert events[2].value == f"{tmp_path}/1.png: 1x1 px: too small to read; " + (
        "both sides must be at least 2 px"
    )
    assert "nothing on standard input" in events[-2].value
    assert len(events[4].value.readings) == 2


def test_names_of_numbered_outputs():
    assert numbered(Path("a.png"), ".png", 1, 1) == Path("a.png")
    assert numbered(Path("a.page.xml"), ".page.xml", 2, 3) == Path("a-2.page.xml")
    assert numbered(Path("a.xml"), ".page.xml", 2, 3) == Path("a-2.xml")
