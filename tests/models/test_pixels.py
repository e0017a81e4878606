import pytest
import torch

from isotrope.groups import DihedralGroup
from isotrope.models.pixels import contrast, fitted, stretched

D4 = DihedralGroup(4)


def test_contrast_is_that_of_the_values_whichever_way_they_lie():
    image = torch.randint(0, 255, (3, 9, 14), dtype=torch.uint8)
    assert {contrast(D4.act_image(h, image)) for h in D4.elements} == {contrast(image)}
    stretch = stretched(torch.arange(1000).view(1, 20, 50))
    assert stretch.flatten()[[9, 997]].tolist() == [0, 1]
    assert torch.equal(stretched(torch.ones(1, 4, 4)), torch.zeros(1, 4, 4))


@pytest.mark.parametrize("size", [(16, 24), (20, 18), (17, 23), (16, 5)])
@pytest.mark.parametrize("unit", [1, 3, 8])
def test_any_size_is_fitted_and_back_and_turns_with_the_image(size, unit):
    image = torch.rand(1, 2, *size, dtype=torch.float64)
    padded, undo = fitted(image, unit)
    assert padded.shape[2] % unit == padded.shape[3] % unit == 0
    assert undo(padded).shape == image.shape
    if not (unit == 8 and (size[0] % 2 or size[1] % 2)):
        assert torch.equal(undo(padded), image)
    marked = torch.linspace(0, 1, padded.shape[3], dtype=torch.float64)  # maps of no symmetry
    marked = marked * torch.linspace(1, 3, padded.shape[2], dtype=torch.float64)[:, None]
    for h in D4.elements:
        turned, back = fitted(D4.act_image(h, image), unit)
        torch.testing.assert_close(turned, D4.act_image(h, padded), rtol=0, atol=1e-12)
        maps = D4.act_image(h, marked[None, None])
        expected = D4.act_image(h, undo(marked[None, None]))
        torch.testing.assert_close(back(maps), expected, rtol=0, atol=1e-12)


def test_padding_is_alike_on_both_sides():
    padded, _ = fitted(torch.ones(1, 1, 4, 6).cumsum(3), 8)
    assert padded[0, 0, 0].tolist() == [1, 1, 2, 3, 4, 5, 6, 6]
