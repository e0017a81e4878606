"""Which pieces are lines, on maps and pages that the tests draw."""

import numpy as np

from isotrope.ocr.detection.db.tracing import contrast_with_paper, find_cores

SIZE = 320, 256
CORE, PITCH = 6, 20
"""Thickness of a core and distance of lines, px; a line is about 14 px high."""


def page(*rows):
    """Map and gray page of rows of intervals `(start, end)` on the map, with words every 20 px.

    Negative intervals are on the map only: cores that grew together where the page has no ink.
    """
    probability, gray = np.zeros(SIZE[::-1], np.float32), np.full(SIZE[::-1], 230, np.uint8)
    for number, row in enumerate(rows):
        band = slice(PITCH * number + 10, PITCH * number + 10 + CORE)
        for start, end in row:
            probability[band, abs(start) : abs(end)] = 0.95
            if end > 0:
                gray[band, start:end] = 40
                gray[band, start + 17 : end - 3 : 20] = gray[band, start + 18 : end - 2 : 20] = 230
    return probability, SIZE, gray


def spans(*rows):
    """Start and end of the lines found, row by row."""
    found = [
        (round(core.middle[0, 1] / PITCH), *core.middle[[0, -1], 0].round(2).tolist())
        for core in find_cores(*page(*rows))
    ]
    return [(start, end) for _, start, end in sorted(found)]


def test_pieces_of_one_line_are_joined():
    assert spans([(20, 120), (132, 300)]) == [(20, 300)]


def test_distant_pieces_stay_apart():
    assert spans([(20, 120), (160, 300)]) == [(20, 120), (160, 300)]


def test_pieces_at_other_heights_stay_apart():
    assert len(find_cores(*page([(20, 120)], [(132, 300)]))) == 2


def test_a_wide_gap_is_joined_if_the_lines_around_run_on():
    whole = (20, 300)
    assert spans([whole], [whole], [(20, 120), (155, 300)], [whole], [whole]) == [whole] * 5


def test_columns_stay_apart():
    columns = [(20, 120), (132, 300)]
    assert spans(*[columns] * 6) == columns * 6


def test_columns_that_grew_together_are_cut_where_the_page_shows_it():
    columns = [(20, 140), (-140, -160), (160, 300)]
    found = spans(*[columns] * 6)
    assert len(found) == 12
    assert all(end <= 141 or start >= 159 for start, end in found)


def test_one_line_with_a_wide_space_is_not_cut():
    whole = (20, 300)
    rows = [[whole], [whole], [(20, 140), (-140, -160), (160, 300)], [whole], [whole]]
    assert spans(*rows) == [whole] * 5


def test_short_pieces_run_as_the_lines_around_them():
    probability, _, gray = page([(20, 300)], [], [(20, 300)])
    probability[27:37, 150:154] = 0.95  # an I: higher than wide
    short = min(find_cores(probability, SIZE, gray), key=lambda core: core.length)
    along = short.middle[-1] - short.middle[0]
    assert abs(along[1]) < 0.1 * along[0]


def test_contrast_is_with_the_paper_around():
    gray = np.full((70, 90), 200, np.uint8)
    gray[:, 40:] = 120  # a shadow
    gray[20, 20], gray[20, 80] = 100, 20
    contrast = contrast_with_paper(gray)
    assert contrast.shape == gray.shape
    assert contrast[20, 20] == contrast[20, 80] == 100
    assert np.median(contrast) == 0


def test_lines_that_touch_are_taken_apart():
    probability, size, gray = page([(20, 300)], [(20, 300)])
    probability[16:30, 140:160] = 0.5  # a descender that meets an ascender
    assert len(find_cores(probability, size, gray)) == 2
