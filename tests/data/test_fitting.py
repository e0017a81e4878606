"""Fitting keeps the whole image, in the middle, and turns with it byte for byte."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isotrope.data.fitting import fitted


def turns(image):
    """The image at its four turns, then mirrored at its four turns."""
    both = (image, image.flip(2))
    return [one.rot90(k, (1, 2)).contiguous() for one in both for k in range(4)]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    side=st.integers(2, 25),
    levels=st.sampled_from((2, 256)),  # few levels: many values halfway between two bytes
)
def test_a_turned_image_gives_the_turned_square(rows, columns, side, levels):
    torch.manual_seed(rows)
    image = torch.randint(levels, (3, rows, columns)) / 255
    expected = turns(fitted(image, side))
    for one, square in zip(turns(image), expected, strict=True):
        assert torch.equal(fitted(one, side), square)


def test_the_image_lies_in_the_middle_of_its_border_color():
    image = torch.zeros(3, 10, 5)
    image[1] = 1.0
    square = fitted(image, 20)
    assert square.shape == (3, 20, 20)
    assert (square == torch.tensor([0, 255, 0])[:, None, None]).all()


@pytest.mark.parametrize(
    ("short", "side", "stripe"),
    # 8 * 5 / 10 = 4; 9 * 5 / 10 = 4.5, and 5 is as odd as 9; 8 * 1 / 10 is raised to 2
    [(5, 8, 4), (5, 9, 5), (1, 8, 2), (10, 8, 8)],
)
def test_the_short_side_leaves_the_same_padding_at_both_ends(short, side, stripe):
    image = torch.zeros(1, 10, short)
    image[:, 1] = 1.0  # a white row from end to end
    white = (fitted(image, side) > 0).any(1)[0].nonzero().flatten()
    assert len(white) == stripe
    assert int(white[0]) == side - 1 - int(white[-1])


def test_an_image_of_its_size_is_left_alone():
    image = torch.randint(256, (3, 12, 12)) / 255
    assert torch.equal(fitted(image, 12), (image * 255).round().to(torch.uint8))


def test_no_square_of_one_pixel():
    with pytest.raises(ValueError, match="fit=1 is not the side of a square; give 2"):
        fitted(torch.zeros(3, 4, 4), 1)
