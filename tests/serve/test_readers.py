"""The readers of a worker: which are loaded, what they share, which make room."""

import pytest

from isotrope.ocr.reader import Reader
from isotrope.serve.job import Choice, Setup
from isotrope.serve.limits import Limits
from isotrope.serve.readers import Readers

BASE = Choice("isotrope")
SETUP = Setup(BASE, Limits())


@pytest.fixture
def loads(monkeypatch):
    """The arguments of all that is loaded from scratch."""
    calls = []
    load = Reader.from_pretrained

    def from_pretrained(**given):
        calls.append(given)
        return load(**given)

    monkeypatch.setattr(Reader, "from_pretrained", from_pretrained)
    return calls


def test_another_adapter_shares_the_finder_and_the_detector(loads):
    readers = Readers(SETUP)
    base, adapted = readers.get(BASE), readers.get(BASE._replace(adapter="typescript"))
    assert len(loads) == 1
    assert adapted.reader.finder is base.reader.finder
    assert adapted.pages.detector is base.pages.detector
    assert adapted.pages.engine is adapted.reader.engine is not base.reader.engine


def test_another_detector_shares_all_else(loads):
    readers = Readers(SETUP)
    base, other = readers.get(BASE), readers.get(BASE._replace(detector="isotrope"))
    assert len(loads) == 1
    assert other.reader.engine is base.reader.engine
    assert other.pages.detector is other.reader.detector
    assert other.pages.detector.name != base.pages.detector.name


def test_an_engine_that_cannot_change_its_adapter_is_loaded_anew(loads, monkeypatch):
    readers = Readers(SETUP)

    def refuse(self, adapter):
        raise ValueError("merged for good")

    monkeypatch.setattr(Reader, "with_adapter", refuse)
    readers.get(BASE._replace(adapter="typescript"))
    assert [call["adapter"] for call in loads] == [None, "typescript"]


def test_the_reader_not_used_for_longest_makes_room(loads):
    readers = Readers(SETUP, most=2)
    first = readers.get(BASE)
    second = readers.get(BASE._replace(detector="isotrope"))
    assert readers.get(BASE) is first
    readers.get(BASE._replace(adapter="fraktur"))
    assert readers.get(BASE) is first
    assert readers.get(BASE._replace(detector="isotrope")) is not second


def test_what_cannot_be_loaded_is_an_error_each_time():
    readers = Readers(SETUP)
    for _ in range(2):
        with pytest.raises(ValueError, match="nope: no such adapter"):
            readers.get(BASE._replace(adapter="nope"))


def test_the_least_confidence_is_that_of_a_request(loads):
    base = Readers(SETUP).get(BASE)
    sure = base.at_least(0.5)
    assert (sure.reader.min_confidence, sure.pages.min_confidence) == (0.5, 0.5)
    assert base.reader.min_confidence == 0
