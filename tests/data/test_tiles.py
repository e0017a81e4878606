"""Pieces of pages around their lines."""

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.data.tiles import PageTiles, piece

PAGE = """<PcGts><Page imageFilename="{image}"><TextLine><Coords points="{points}"/>
<TextEquiv><Unicode>text</Unicode></TextEquiv></TextLine></Page></PcGts>"""


@pytest.fixture
def folder(tmp_path):
    """Ten pages, each of a shade of its own."""
    for number in range(10):
        place = tmp_path / ("odd" if number % 2 else "even")
        place.mkdir(exist_ok=True)
        Image.new("L", (1000, 800), 20 * number).save(place / f"{number}.png")
        page = PAGE.format(image=f"{number}.png", points="400,300 600,300 600,340")
        (place / f"{number}.xml").write_text(page)
    return tmp_path


def shade(tile):
    assert tile.min() == tile.max()
    return round(float(tile[0, 0, 0]) * 255) // 20


def test_pieces_come_from_the_pages_that_are_not_held_out(folder):
    tiles, rng = PageTiles(folder, held_out=5), np.random.default_rng(0)
    drawn = [tiles.draw(rng) for _ in range(3 * tiles.each)]
    assert all(text is None and min(tile.shape[1:]) >= 50 for tile, text in drawn)
    shades = [shade(tile) for tile, _ in drawn]
    assert len(set(shades)) > 1
    assert all(len(set(shades[i : i + 8])) == 1 for i in (0, 8, 16)), "a page serves a run"
    held = {shade(tile) for tile in tiles.held_out(rng)}
    assert len(held) == 2
    assert not held & set(shades)


def test_collections(folder):
    tiles = PageTiles(folder, collections=("odd",))
    assert {page.image.parent.name for page in tiles.pages + tiles.held} == {"odd"}
    with pytest.raises(ValueError, match="no page with lines; give a folder of PAGE-XML or ALTO"):
        PageTiles(folder, collections=("none",))


@pytest.mark.parametrize("center", [(0.0, 0.0), (50.0, 20.0), (99.0, 39.0), (500.0, 500.0)])
def test_a_piece_lies_within_its_page(center):
    page = torch.arange(100 * 40).reshape(1, 40, 100).expand(3, -1, -1)
    tile = piece(page, (center,), side=20, aspect=4, rng=np.random.default_rng(0))
    assert tile.shape == (3, 10, 40)
    assert piece(page, (center,), 1000, 1, np.random.default_rng(0)).shape == (3, 40, 100)
