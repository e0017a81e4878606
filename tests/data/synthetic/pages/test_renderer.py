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


def test_pages_are_as_large_as_they_should_be(pages):
    for seed in range(10):
        page = draw(pages, seed)
        assert 400 < max(page.size) < 2000
        assert page.pixels.dtype == np.uint8
        assert page.pixels.flags.c_contiguous
        for line in page.lines:
            assert (line.polygon >= 0).all()
            assert (line.polygon <= page.size).all()
            assert (line.baseline >= 0).all()
            assert (line.baseline <= page.size).all()


def test_the_fonts_of_a_split(pages):
    valid = SyntheticPages("valid")
    used = {family[0].family for kind in pages.faces.families.values() for family in kind}
    held = {family[0].family for kind in valid.faces.families.values() for family in kind}
    assert used
    assert held
    assert not used & held
    assert draw(valid, 0).size


def test_shares_choose_the_layouts():
    with pytest.raises(ValueError, match=r"shares=\['novel'\] is none of book, columns"):
        SyntheticPages(shares={"novel": 1.0})
    with pytest.raises(ValueError, match=r"shares=\{\} is none of book"):
        SyntheticPages(shares={})
    pages = SyntheticPages(shares={"wordless": 1.0})
    assert all(not draw(pages, seed).lines for seed in range(3))


def test_no_fonts(tmp_path):
    with pytest.raises(FileNotFoundError, match="no Latin fonts"):
        SyntheticPages(folders=[tmp_path])
