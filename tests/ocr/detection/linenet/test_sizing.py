import pytest

from isotrope.ocr.detection.linenet.sizing import AREA, seen_size


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ((300, 200), (288, 192)),  # as it is, but for the multiples of 32
        ((5, 700), (32, 704)),
        ((3508, 2480), (1248, 896)),  # A4 at 300 dots per inch
        ((20000, 1500), (7648, 576)),  # a long strip stays legible
        ((20000, 100), (20000, 96)),
    ],
)
def test_sizes(page, seen):
    assert seen_size(*page, 32) == seen
    assert seen_size(*page[::-1], 32) == seen[::-1]  # a turned page is seen turned


def test_no_page_is_seen_much_larger_than_four_times_the_usual_area():
    for page in ((20000, 20000), (100_000, 3000), (60_000, 641)):
        rows, columns = seen_size(*page, 32)
        assert rows * columns < 4.2 * AREA
