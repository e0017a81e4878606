"""Pages one after the other."""

import numpy as np

from isotrope import Reader
from isotrope.ocr.pages import stream


def test_the_reader_of_pages_is_made_once(monkeypatch):
    make, made = stream.make_finder, []
    monkeypatch.setattr(stream, "make_finder", lambda name: made.append(name) or make(name))
    reader = Reader.from_pretrained(finder="orbit")  # pages need a finder besides
    blank = np.full((300, 200, 3), 250, np.uint8)
    pages = [page for _ in range(2) for page in reader.read_pages(blank)]
    assert len(pages) == 2
    assert made == ["isotrope"]
