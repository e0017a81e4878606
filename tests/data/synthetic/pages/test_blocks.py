"""Tables, forms, pictures, stamps and furniture stay where they are put."""

from dataclasses import replace

import numpy as np
import pytest

from isotrope.data.synthetic.pages import books, forms, furniture, pictures, rules, stamps
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.letters import signature
from isotrope.data.synthetic.pages.press import Press
from isotrope.data.synthetic.pages.sheet import Sheet
from isotrope.data.synthetic.pages.tables import table

BOX = Box(60, 50, 640, 450)


def fresh(press, seed):
    return Press(Sheet(700, 500), press.faces, press.writing, np.random.default_rng(seed))


def assert_within(sheet, box, spare=3.0):
    for line in sheet.lines:
        low, high = line.polygon.min(axis=0), line.polygon.max(axis=0)
        assert (low >= np.array(box[:2]) - spare).all(), line
        assert (high <= np.array(box[2:]) + spare).all(), line
    dark = sheet.pixels[..., :3].min(axis=-1) < 200
    dark[int(box.top - spare) : int(box.bottom + spare),
         int(box.left - spare) : int(box.right + spare)] = False  # fmt: skip
    assert not dark.any()


@pytest.mark.parametrize(
    "block",
    [
        table,
        books.title,
        books.illustration,
        books.listing,
        forms.choices,
        lambda press, box, setting: forms.fields(press, box, setting, setting, 1.0),
        lambda press, box, setting: forms.boxes(press, box, setting, setting, 1.0),
        lambda press, box, setting: furniture.footnotes(press, box, setting),
        lambda press, box, setting: books.column(
            press, box, setting, press.writing.paragraphs(press.rng)
        ),
    ],
    ids=[
        *("table", "title", "illustration", "listing", "choices", "fields", "boxes"),
        *("footnotes", "column"),
    ],
)
def test_blocks_stay_in_their_box(press, plain, block):
    lines = 0
    for seed in range(6):
        own = fresh(press, seed)
        own.sheet.new_block()
        block(own, BOX, replace(plain, align="left"))
        lines += len(own.sheet.lines)
        assert_within(own.sheet, BOX)
    assert lines > 3


@pytest.mark.parametrize(
    "kind",
    [
        pictures.picture,
        pictures.photograph,
        pictures.engraving,
        pictures.barcode,
        pictures.plot,
        pictures.hatching,
        pictures.shapes,
    ],
)
def test_pictures_have_no_lines(press, kind):
    marked = 0
    for seed in range(5):
        own = fresh(press, seed)
        kind(own, BOX)
        marked += (own.sheet.pixels[50:450, 60:640, :3] < 250).any()
        assert not own.sheet.lines
    assert marked >= 4


def test_pictures_are_clipped(press):
    for seed in range(10):
        own = fresh(press, seed)
        pictures.picture(own, BOX)
        assert_within(own.sheet, BOX)


def test_cells_of_a_table_do_not_meet(press, plain):
    for seed in range(6):
        own = fresh(press, seed)
        table(own, BOX, plain)
        boxes = [(*line.polygon.min(axis=0), *line.polygon.max(axis=0)) for line in own.sheet.lines]
        for i, (l0, t0, r0, b0) in enumerate(boxes):
            for l1, t1, r1, b1 in boxes[:i]:
                across, down = min(r0, r1) - max(l0, l1), min(b0, b1) - max(t0, t1)
                assert across <= 0.5 or down <= 0.1 * plain.face.height


def test_text_on_a_panel_is_legible(press):
    for seed in range(20):
        own = fresh(press, seed)
        color = rules.panel(own, BOX)
        ground = own.sheet.pixels[200, 200, :3].astype(float) @ [0.3, 0.6, 0.1]
        assert abs(ground - (color & 0xFF)) > 100


@pytest.mark.parametrize("seed", range(6))
def test_stamps_lie_on_the_page(press, seed):
    own = fresh(press, seed)
    stamps.stamp(own, Box(0, 0, 700, 500), 18.0)
    assert own.sheet.lines
    assert_within(own.sheet, Box(0, 0, 700, 500), 0.0)


def test_no_stamp_on_a_page_too_small(press):
    stamps.stamp(press, Box(0, 0, 50, 50), 20.0)
    assert not press.sheet.lines


def test_signatures_are_ignored(press):
    signature(press, BOX, 0xFF000000)
    assert not press.sheet.lines
    (polygon,) = press.sheet.ignored
    dark = np.argwhere(press.sheet.pixels[..., 0] < 128)[:, ::-1]
    assert (dark >= polygon.min(axis=0) - 2).all()
    assert (dark <= polygon.max(axis=0) + 2).all()


def test_notes_in_a_margin(press, plain):
    lines = 0
    for seed in range(8):
        own = fresh(press, seed)
        furniture.marginalia(own, Box(20, 20, 180, 480), plain)
        assert_within(own.sheet, Box(20, 20, 180, 480), 4)
        lines += len(own.sheet.lines)
    assert lines > 10


def test_heads_and_feet(press, plain):
    for seed in range(8):
        own = fresh(press, seed)
        y = furniture.header(own, BOX, plain)
        assert own.sheet.lines
        assert max(line.polygon[:, 1].max() for line in own.sheet.lines) < y
        assert_within(own.sheet, BOX.above(y))
        furniture.footer(own, BOX, plain)
        assert_within(own.sheet, BOX)
