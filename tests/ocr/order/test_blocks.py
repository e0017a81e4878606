"""Lines of a block stand together along one axis."""

from isotrope.ocr.detection.lines import DetectedLine
from isotrope.ocr.order import blocks


def detected(lines, *, backwards=()):
    """As a detector finds them, some from their end to their start."""
    return [
        DetectedLine(line.baseline[::-1] if k in backwards else line.baseline, line.polygon, 20.0)
        for k, line in enumerate(lines)
    ]


def test_no_lines_no_blocks():
    assert blocks([]) == []


def test_paragraphs_apart_are_blocks(typeset):
    one, two = typeset.column("a", 100, 100, 900, 6), typeset.column("b", 100, 400, 900, 6)
    found = blocks(detected([*one, *two]))
    assert sorted(map(sorted, found)) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_the_direction_of_a_line_need_not_be_known(typeset):
    lines = typeset.column("a", 100, 100, 900, 6)
    found = blocks(detected(lines, backwards=(1, 4)))
    assert sorted(map(sorted, found)) == [[0, 1, 2, 3, 4, 5]]


def test_lines_along_another_axis_are_another_block(typeset):
    upright = typeset.column("a", 100, 100, 480, 8)
    turned = typeset.quarter(typeset.column("b", 20, 20, 260, 5), 90, (280, 200))
    turned = typeset.moved(turned, 490, 80)
    found = blocks(detected([*upright, *turned]))
    assert sorted(map(sorted, found)) == [list(range(8)), list(range(8, 13))]


def test_short_lines_join_those_around_them(typeset):
    lines = typeset.column("a", 100, 100, 500, 6)
    page = typeset.line("6", 100, 268, 112)
    steep = DetectedLine(((100.0, 283.0), (106.0, 275.0)), page.polygon, 20.0)
    found = blocks([*detected(lines), steep])
    assert sorted(map(sorted, found)) == [list(range(7))]
