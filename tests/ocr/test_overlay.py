"""What was read, drawn over its page."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from isotrope.io.resize import turn
from isotrope.ocr.document import Line, Page, Region, Word
from isotrope.ocr.overlay import COLORS, SUFFIXES, draw_page, draw_pages

BOX = ((100.0, 100.0), (300.0, 100.0), (300.0, 130.0), (100.0, 130.0))
LINE = Line("some text", 0.9, 0, BOX, ((100.0, 124.0), (300.0, 124.0)))
WIDTH, HEIGHT = 500, 400


def page_of(*lines, **values):
    box = ((90.0, 90.0), (310.0, 90.0), (310.0, 140.0), (90.0, 140.0))
    return Page(WIDTH, HEIGHT, (Region(lines, box),) if lines else (), **values)


def gray(page=None, value=128):
    rows, columns = (page.height, page.width) if page else (HEIGHT, WIDTH)
    return np.full((rows, columns, 3), value, np.uint8)


def drawn(page, **values):
    return np.asarray(draw_page(gray(page, **values), page)).astype(int)


def near(picture, color, tolerance=40):
    """Which pixels have about this color."""
    return np.abs(picture - np.array(color)).max(axis=-1) <= tolerance


def test_nothing_is_drawn_on_a_blank_page():
    assert (drawn(page_of()) == 128).all()


def test_a_line_covers_its_ink_and_leaves_the_rest():
    picture = drawn(page_of(LINE))
    inside = picture[102:129, 102:299]
    assert np.median(inside) > 200
    outside = picture.copy()
    outside[80:145, 75:320] = 128
    assert (outside == 128).all()


def test_the_text_is_written():
    empty = drawn(page_of(replace(LINE, text="")))
    written = drawn(page_of(LINE))
    dark = (written.max(axis=-1) < 100) & ~(empty.max(axis=-1) < 100)
    rows, columns = dark.nonzero()
    assert len(rows) > 300
    assert 100 <= columns.min() < 110
    assert 200 < columns.max() <= 300
    assert rows.min() >= 100
    assert rows.max() <= 130


def test_words_stand_where_they_were_read():
    second = ((220.0, 100.0), (300.0, 100.0), (300.0, 130.0), (220.0, 130.0))
    line = replace(LINE, words=(Word("text", 0.9, second),))
    ink = drawn(page_of(line))[..., 1] < 60
    assert not ink[100:120, 112:215].any()
    assert ink[100:120, 220:300].any()


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_color_tells_the_direction(degrees):
    page = page_of(LINE).turned(degrees)
    picture = drawn(page)
    here = near(picture, COLORS[degrees]).sum()
    assert here > 200
    assert all(near(picture, COLORS[other]).sum() < here / 9 for other in {*COLORS} - {degrees})


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_page_is_drawn_turned(degrees):
    slanted = replace(
        LINE,
        polygon=((100.0, 300.0), (260.0, 220.0), (275.0, 250.0), (115.0, 330.0)),
        baseline=((112.0, 324.0), (272.0, 244.0)),
    )
    page = page_of(LINE, slanted)
    expected = turn(drawn(page), degrees)
    difference = np.abs(expected - drawn(page.turned(degrees)))
    # The colors of what was turned differ.
    assert (difference.max(axis=-1) > 60).mean() < 0.02


def test_an_arrow_points_to_the_end_of_the_text():
    picture = drawn(page_of(replace(LINE, text="")))
    assert (
        near(picture[115:132, 285:301], COLORS[0]).sum()
        > 2 * near(picture[115:132, 150:166], COLORS[0]).sum()
    )


def test_lines_are_numbered_in_order():
    below = replace(
        LINE,
        polygon=tuple((x, y + 60) for x, y in BOX),
        baseline=((100.0, 184.0), (300.0, 184.0)),
    )
    first, second = (drawn(page_of(*pair)) for pair in ((LINE, below), (below, LINE)))
    dots = (slice(95, 135), slice(70, 100)), (slice(155, 195), slice(70, 100))
    for rows, columns in dots:
        assert near(first[rows, columns], COLORS[0]).sum() > 100
        assert not np.array_equal(first[rows, columns], second[rows, columns])


def test_a_curved_line_whose_outline_has_more_points():
    curved = replace(
        LINE,
        polygon=(
            *((100.0, 100.0), (200.0, 90.0), (300.0, 100.0)),
            *((300.0, 130.0), (200.0, 120.0), (100.0, 130.0)),
        ),
        baseline=((100.0, 124.0), (200.0, 114.0), (300.0, 124.0)),
    )
    ink = (drawn(page_of(curved)).max(axis=-1) < 100).nonzero()
    assert len(ink[0]) > 300


def test_lines_of_no_size():
    point = ((5.0, 5.0),)
    drawn(page_of(replace(LINE, polygon=point * 4, baseline=point * 2)))


def test_small_lines_are_drawn_larger():
    def size(height, width=4000):
        box = ((10.0, 10.0), (900.0, 10.0), (900.0, 10.0 + height), (10.0, 10.0 + height))
        line = Line("text", 1.0, 0, box, ((10.0, 10.0), (900.0, 10.0)))
        page = Page(width, 1000, (Region((line,), box),))
        return draw_page(gray(page), page).size

    assert size(60) == (1600, 400)
    assert size(30) == (2400, 600)
    assert size(10) == (2600, 650)
    assert size(10, width=1200) == (1200, 1000)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_each_kind(tmp_path, suffix):
    draw_pages([gray()], [page_of(LINE)], tmp_path / f"a{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    if suffix != ".pdf":
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert image.size == (WIDTH, HEIGHT)


def test_several_pages_in_one_picture(tmp_path):
    pages = [page_of(LINE).turned(degrees) for degrees in (0, 90, 180, 270)]
    draw_pages([gray(page) for page in pages], pages, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        picture = np.asarray(image).astype(int)
    assert picture.shape[0] > 2 * WIDTH
    assert picture.shape[1] > 2 * WIDTH
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    quarters = [picture[:rows, :columns], picture[:rows, columns:]]
    quarters += [picture[rows:, :columns], picture[rows:, columns:]]
    for quarter, color in zip(quarters, COLORS.values(), strict=True):
        assert near(quarter, color).sum() > 200


def test_an_unknown_kind_of_file(tmp_path):
    with pytest.raises(ValueError, match=r"a.svg: a page cannot be drawn as '.svg'; use .png"):
        draw_pages([gray()], [page_of(LINE)], tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())
