"""A detector that is loaded when it is first needed."""

from functools import partial

import numpy as np

from isotrope import Reader
from isotrope.ocr.detection.later import LaterDetector


class Fake:
    name = "fake"
    equivariant = True
    made = 0

    def __init__(self):
        Fake.made += 1

    def find(self, page):
        return [page.shape]


def test_it_is_loaded_once_and_not_before_it_is_asked(monkeypatch):
    monkeypatch.setattr(Fake, "made", 0)
    later = LaterDetector(Fake)
    assert Fake.made == 0
    assert later.find(np.zeros((2, 3, 3))) == [(2, 3, 3)]
    assert later.name == "fake"
    assert later.equivariant
    assert Fake.made == 1


def test_a_reader_of_words_loads_no_detector(monkeypatch):
    def forbidden(*args, **options):
        raise AssertionError("loaded")

    monkeypatch.setattr("isotrope.ocr.detection.later.make_detector", forbidden)
    reader = Reader.from_pretrained(threads=1)
    assert isinstance(reader.detector, LaterDetector)
    assert isinstance(reader.detector.load, partial)
    assert len(reader.read([np.full((48, 96, 3), 255, np.uint8)])) == 1
