import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotrope.ocr.detection.db.sizing import AREA, SHORTEST, STRIDE, map_size, spans

sides = st.integers(1, 20_000)


@given(sides, sides)
def test_both_sides_are_multiples_of_the_stride_and_treated_alike(height, width):
    size = map_size(height, width)
    assert all(side >= STRIDE and side % STRIDE == 0 for side in size)
    assert size == map_size(width, height)[::-1]
    assert size[0] <= max(STRIDE, height + STRIDE / 2)


@pytest.mark.parametrize(("page", "size"), [((1, 1), (32, 32)), ((600, 400), (608, 416))])
def test_small_pages_keep_their_size(page, size):
    assert map_size(*page) == size


def test_large_pages_are_shrunk_and_long_ones_not_too_much():
    height, width = map_size(3000, 2000)
    assert height * width == pytest.approx(AREA, rel=0.1)
    assert min(map_size(20_000, 1000)) == SHORTEST


@given(st.integers(1, 500).map(lambda steps: STRIDE * steps))
def test_the_parts_of_a_length_cover_it_once(length):
    kept = []
    for take, keep in spans(length):
        part = np.arange(length)[take]
        assert len(part) % STRIDE == 0
        assert len(part) > 0
        kept.append(part[keep])
    np.testing.assert_array_equal(np.concatenate(kept), np.arange(length))
