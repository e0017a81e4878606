"""Lines come in reading order, whatever order they are given in."""

import random

import pytest

from isotrope.ocr.order import regions


def read(lines, size, shuffles=3):
    """The regions of a page, the same for each order of its lines."""
    found = regions(lines, size)
    for seed in range(shuffles):
        again = list(lines)
        random.Random(seed).shuffle(again)
        assert regions(again, size) == found
    assert sorted(line.text for r in found for line in r.lines) == sorted(x.text for x in lines)
    return found


def texts(found):
    return [line.text for region in found for line in region.lines]


def kinds(found):
    return {region.lines[0].text: region.kind for region in found}


def names(lines):
    return [line.text for line in lines]


def test_a_page_without_lines_has_no_regions(typeset):
    assert regions([], typeset.size) == ()


def test_one_line_is_one_region(typeset):
    (region,) = read([typeset.line("a", 100, 100, 400)], typeset.size)
    assert region.polygon == ((100, 100), (400, 100), (400, 120), (100, 120))
    assert (region.orientation, region.kind) == (0, "text")


@pytest.mark.parametrize("slant", [0, 3, -10, 30])
def test_columns_are_read_one_after_the_other(typeset, slant):
    left = typeset.column("a", 100, 200, 480, 20)
    right = typeset.column("b", 510, 200, 890, 20)
    found = read(typeset.slanted([*left, *right], slant), typeset.size)
    assert texts(found) == names([*left, *right])


def test_three_columns_of_different_lengths(typeset):
    columns = [
        *typeset.column("a", 60, 100, 330, 30),
        *typeset.column("b", 360, 100, 630, 12),
        *typeset.column("c", 660, 100, 930, 21),
    ]
    assert texts(read(columns, typeset.size)) == names(columns)


def test_a_heading_across_columns_parts_them(typeset):
    title = [typeset.line("title", 200, 60, 800, 40)]
    above = [*typeset.column("a", 100, 140, 480, 12), *typeset.column("b", 510, 140, 890, 12)]
    heading = [typeset.line("heading", 300, 520, 700, 30)]
    below = [*typeset.column("c", 100, 600, 480, 12), *typeset.column("d", 510, 600, 890, 12)]
    everything = [*title, *above, *heading, *below]
    found = read(everything, typeset.size)
    assert texts(found) == names(everything)
    assert kinds(found)["title"] == kinds(found)["heading"] == "heading"


def test_lines_that_reach_a_little_into_the_gutter_do_not_part_columns(typeset):
    left, right = typeset.column("a", 100, 200, 480, 20), typeset.column("b", 500, 200, 890, 20)
    left[7] = typeset.line("a7", 100, 396, 512)
    right[12] = typeset.line("b12", 478, 536, 890)
    assert texts(read([*left, *right], typeset.size)) == names([*left, *right])


def test_header_and_footer_come_first_and_last(typeset):
    header = [typeset.line("12", 100, 40, 130), typeset.line("running title", 560, 40, 860)]
    body = [*typeset.column("a", 100, 120, 480, 30), *typeset.column("b", 510, 120, 890, 30)]
    footer = [typeset.line("Bii", 700, 1300, 740)]
    found = read([*header, *body, *footer], typeset.size)
    assert texts(found) == names([*header, *body, *footer])
    assert kinds(found)["12"] == kinds(found)["running title"] == "header"
    assert kinds(found)["Bii"] == "footer"


def test_paragraphs_are_regions(typeset):
    one, two = typeset.column("a", 100, 100, 900, 5), typeset.column("b", 100, 270, 900, 5)
    three = typeset.column("c", 100, 410, 900, 5)
    three[0] = typeset.line("c0", 140, 410, 900)  # an indent, and no more space
    found = read([*one, *two, *three], typeset.size)
    assert [names(region.lines) for region in found] == [names(x) for x in (one, two, three)]


def test_fragments_of_a_row_are_read_from_left_to_right(typeset):
    lines = typeset.column("a", 100, 100, 900, 8)
    whole = lines[3]
    parts = [typeset.line("a3 left", 100, 184, 430), typeset.line("a3 right", 520, 186, 900)]
    found = read([*lines[:3], *lines[4:], *parts], typeset.size)
    assert texts(found) == ["a0", "a1", "a2", *names(parts), "a4", "a5", "a6", "a7"]
    assert whole.text not in texts(found)


def test_a_table_is_read_row_by_row(typeset):
    above = typeset.column("a", 100, 60, 900, 6)
    table = [
        typeset.line(f"{k}{name}", left, 280 + 40 * k, left + width)
        for k in range(8)
        for name, left, width in (("number", 100, 40), ("name", 220, 160), ("price", 800, 90))
    ]
    below = typeset.column("b", 100, 660, 900, 6)
    found = read([*above, *table, *below], typeset.size)
    assert texts(found) == names([*above, *table, *below])
    assert kinds(found)["0number"] == "table"


def test_notes_in_the_margin_follow_the_paragraph_beside_which_they_begin(typeset):
    one, two = typeset.column("a", 250, 100, 900, 12), typeset.column("b", 250, 480, 900, 12)
    note = typeset.column("note", 80, 163, 220, 4, step=20, height=14)
    found = read([*one, *two, *note], typeset.size)
    assert texts(found) == names([*one, *note, *two])
    assert kinds(found)["note0"] == "margin"


def test_an_initial_comes_before_the_first_line_beside_it(typeset):
    initial = typeset.line("D", 100, 100, 170, 76)
    beside = [typeset.line(f"a{k}", 180, 100 + 28 * k, 900) for k in range(3)]
    below = [typeset.line(f"a{k}", 100, 100 + 28 * k, 900) for k in range(3, 10)]
    assert texts(read([initial, *beside, *below], typeset.size)) == names(
        [initial, *beside, *below]
    )


def test_the_left_page_of_a_spread_comes_wholly_before_the_right(typeset):
    pages = []
    for name, left in (("a", 100), ("b", 1100)):
        pages.append(typeset.line(f"{name} header", left + 300, 40, left + 400))
        pages += typeset.column(name, left, 120, left + 800, 30)
    assert texts(read(pages, (2000.0, 1400.0))) == names(pages)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_block_is_read_in_its_own_frame_where_it_stands(typeset, degrees):
    above, below = typeset.column("a", 100, 60, 900, 8), typeset.column("c", 100, 820, 900, 8)
    block = typeset.column("b", 20, 20, 380, 8)
    block = typeset.moved(typeset.quarter(block, degrees, (400, 400)), 300, 350)
    found = read([*above, *block, *below], typeset.size)
    assert texts(found) == names([*above, *block, *below])
    (region,) = [r for r in found if r.lines[0].text == "b0"]
    assert region.orientation == degrees
    corner = min(
        region.polygon,
        key=lambda p: abs(p[0] - block[0].polygon[0][0]) + abs(p[1] - block[0].polygon[0][1]),
    )
    assert region.polygon[0] == corner  # where the text's top left is


def test_a_column_beside_a_turned_one(typeset):
    upright = typeset.column("a", 100, 100, 480, 30)
    turned = typeset.quarter(typeset.column("b", 20, 20, 800, 12), 90, (840, 380))
    turned = typeset.moved(turned, 540, 100)
    assert texts(read([*upright, *turned], typeset.size)) == names([*upright, *turned])


def test_warped_lines_do_not_change_places_with_fragments(typeset):
    def warped(text, left, right, y):
        xs = [left, (left + right) / 2, right]
        ys = [y + 40 * ((x - 500) / 400) ** 2 for x in xs]
        top, bottom = [y - 15 for y in ys], [y + 5 for y in ys]
        polygon = [*zip(xs, top, strict=True), *reversed(list(zip(xs, bottom, strict=True)))]
        base = typeset.line(text, left, y, right)
        return type(base)(text, 1.0, 0, tuple(polygon), tuple(zip(xs, ys, strict=True)))

    lines = [warped(f"a{k}", 100, 900, 100 + 30 * k) for k in range(10)]
    lines[4:5] = [warped("a4 left", 100, 400, 220), warped("a4 right", 700, 900, 220)]
    assert texts(read(lines, typeset.size)) == names(lines)


def test_a_line_found_across_a_gutter_does_not_part_the_columns(typeset):
    left, right = typeset.column("a", 100, 200, 480, 20), typeset.column("b", 500, 200, 890, 20)
    both = typeset.line("both", 100, 396, 890)
    found = read([*left[:7], *left[8:], *right[:7], *right[8:], both], typeset.size)
    assert texts(found) == names([*left[:7], both, *left[8:], *right[:7], *right[8:]])


def test_a_heading_with_wide_spaces_parts_columns(typeset):
    above = [*typeset.column("a", 100, 100, 490, 12), *typeset.column("b", 510, 100, 900, 12)]
    heading = [typeset.line("wide", 300, 480, 480, 40), typeset.line("heading", 530, 480, 700, 40)]
    below = [*typeset.column("c", 100, 560, 490, 12), *typeset.column("d", 510, 560, 900, 12)]
    everything = [*above, *heading, *below]
    assert texts(read(everything, typeset.size)) == names(everything)


def test_labels_are_read_with_their_text(typeset):
    lines = []
    for k in range(8):
        lines.append(typeset.line(f"[{k}]", 100, 100 + 84 * k, 125))
        lines += typeset.column(f"{k}-", 150, 100 + 84 * k, 800, 3)
    found = read(lines, typeset.size)
    assert texts(found) == names(lines)
    assert set(kinds(found).values()) == {"text"}


def test_lines_of_the_facing_page_do_not_mix_with_the_text(typeset):
    text = typeset.column("a", 130, 100, 900, 30)
    cut = [typeset.line(f"cut{k}", 0, 100 + 28 * k, 60) for k in range(30)]
    found = texts(read([*text, *cut], typeset.size))
    assert [name for name in found if name.startswith("a")] == names(text)
    place = found.index("cut0")
    assert found[place : place + 30] == names(cut)
