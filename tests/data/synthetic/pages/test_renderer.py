"""Drawn pages: the labels lie where the ink is."""

import numpy as np
import pytest

from isotrope.data.synthetic.pages import SyntheticPages


@pytest.fixture(scope="module")
def pages():
    return SyntheticPages()


def draw(pages, seed):
    return pages.draw(np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_determines_a_page(pages, seed):
    first, second = draw(pages, seed), draw(pages, seed)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert len(first.lines) == len(second.lines)
    for one, other in zip(first.lines, second.lines, strict=True):
        np.testing.assert_array_equal(one.polygon, other.polygon)
        np.testing.assert_array_equal(one.baseline, other.baseline)
        assert (one.text, one.height, one.block) == (other.text, other.height, other.block)


def test_seeds_differ(pages):
    assert draw(pages, 0).lines[0].text != draw(pages, 1).lines[0].text
