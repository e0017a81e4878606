"""Every layout draws pages whose labels lie where the ink is."""

import numpy as np
import pytest

from isotrope.data.synthetic.pages import SyntheticPages
from isotrope.data.synthetic.pages.renderer import LAYOUTS, SHARES

from .conftest import ink, inside


@pytest.fixture(scope="module")
def makers():
    return {name: SyntheticPages(shares={name: 1.0}) for name in LAYOUTS}


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "wordless"])
def test_every_line_has_ink(makers, name):
    lines = 0
    for seed in range(3):
        sheet = makers[name].print(np.random.default_rng(seed))
        colors = sheet.pixels[..., :3].astype(int)
        for line in sheet.lines:
            low = line.polygon.min(axis=0).astype(int).clip(0)
            high = np.ceil(line.polygon.max(axis=0)).astype(int)
            part = colors[low[1] : high[1], low[0] : high[0]]
            assert part.size, line
            assert np.ptp(part, axis=(0, 1)).max() > 40, line
            assert line.text.strip()
            assert line.height > 9
        lines += len(sheet.lines)
    assert lines > 20


def test_a_page_of_text_alone_has_no_ink_outside_of_its_lines(makers):
    """Without rules and pictures, by chance of the seed."""
    shares = []
    for seed in range(12):
        sheet = makers["book"].print(np.random.default_rng(seed))
        dark = ink(sheet)
        outside = dark & ~inside(sheet.lines, (sheet.width, sheet.height), 2)
        shares.append(outside.sum() / dark.sum())
    assert np.median(shares) < 0.01


def test_wordless_pages_have_no_lines(makers):
    for seed in range(4):
        assert not makers["wordless"].print(np.random.default_rng(seed)).lines


def test_drawings_have_text_in_four_directions_and_along_curves(makers):
    quarters, curved = set(), 0
    for seed in range(4):
        for line in makers["drawing"].print(np.random.default_rng(seed)).lines:
            quarters.add(round(line.direction / 90) % 4)
            curved += len(line.baseline) > 2
    assert quarters == {0, 1, 2, 3}
    assert curved


def test_blocks_are_turned_whole(makers):
    turned, slanted = set(), 0
    for seed in range(10):
        blocks = {}
        for line in makers["mosaic"].print(np.random.default_rng(seed)).lines:
            if len(line.baseline) == 2:
                blocks.setdefault(line.block, []).append(line.direction)
        for directions in blocks.values():
            assert np.ptp(np.cos(np.radians(directions))) < 1e-3
            turned.add(round(directions[0] / 90) % 4)
            slanted += abs(directions[0] - 90 * round(directions[0] / 90)) > 0.5
    assert turned == {0, 1, 2, 3}
    assert slanted


def test_sideways_pages_are(makers):
    directions = [
        line.direction
        for seed in range(4)
        for line in makers["sideways"].print(np.random.default_rng(seed)).lines
    ]
    assert np.mean(np.abs(directions) > 45) > 0.8


def test_columns_are_read_one_after_the_other(makers):
    """Lines of one block go down, and blocks of a column come before those of the next."""
    sheet = makers["columns"].print(np.random.default_rng(2))
    blocks = [line.block for line in sheet.lines]
    assert blocks == sorted(blocks)


def test_shares_name_every_layout():
    assert set(SHARES) == set(LAYOUTS)
    assert sum(SHARES.values()) == pytest.approx(1)
