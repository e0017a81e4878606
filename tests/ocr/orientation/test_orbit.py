"""The orbit of any engine as a finder."""

import numpy as np
import pytest

from isotrope.ocr.engines import make_engine
from isotrope.ocr.orientation.orbit import OrbitFinder


def finder_of(confidences, texts="abcd"):
    """A finder whose engine says, of the turns in their order, these texts."""
    said = iter(list(zip(texts, confidences, strict=True)) * 2)
    return OrbitFinder(make_engine(lambda _: next(said)))


IMAGE = np.zeros((8, 20, 3), np.uint8)


def test_the_most_confident_text_is_upright():
    (found,) = finder_of((0.2, 0.3, 0.9, 0.6)).find_pixels([IMAGE])
    assert (found.degrees, found.slant) == (180, 0.0)
    assert found.confidence == found.scores[2] > 0.9
    assert sum(found.scores) == pytest.approx(1)
    assert found.candidates(0.15) == (180,)


def test_equal_confidences_leave_both():
    (found,) = finder_of((0.8, 0.3, 0.8, 0.1)).find_pixels([IMAGE])
    assert set(found.candidates(0.15)) == {0, 180}


def test_no_text_counts_for_nothing():
    (found,) = finder_of((0.9, 0.3, 0.8, 0.9), texts=["", "a", " ", ""]).find_pixels([IMAGE])
    assert (found.degrees, found.confidence) == (90, 1.0)
    (found,) = finder_of((0.9,) * 4, texts=[""] * 4).find_pixels([IMAGE])
    assert found.scores == (0.25,) * 4


def test_images_are_turned_back():
    seen = []
    engine = make_engine(lambda pixels: seen.append(pixels) or "x")
    image = np.arange(8 * 20 * 3, dtype=np.uint8).reshape(8, 20, 3)
    OrbitFinder(engine).find_pixels([image])
    for k, pixels in enumerate(seen):
        np.testing.assert_array_equal(pixels, np.rot90(image, -k))
