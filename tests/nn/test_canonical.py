"""Bit for bit the same at every turn, for a function that is not equivariant at all."""

import pytest
import torch
import torch.nn.functional as F

from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn.canonical import canonically, least_turns

GROUPS = [CyclicGroup(4), DihedralGroup(4), DihedralGroup(2)]


def blurred(image):
    """A filter of random weights, in float32: no turn commutes with it."""
    weight = torch.randn(2, len(image), 3, 3, generator=torch.Generator().manual_seed(0))
    return F.conv2d(image[None], weight, padding=1)[0]


def symmetric(size, *elements):
    """An image that these elements of D4 leave as it is."""
    image = torch.rand(3, *size)
    for h in elements:
        image = torch.maximum(image, DihedralGroup(4).act_image(h, image))
    return image


IMAGES = {
    "noise": torch.rand(3, 7, 10, generator=torch.Generator().manual_seed(1)),
    "square": torch.rand(3, 6, 6, generator=torch.Generator().manual_seed(2)),
    "a mirror": symmetric((6, 9), 4),
    "half a turn": symmetric((5, 8), 2),
    "a quarter turn": symmetric((6, 6), 1, 2),
    "everything": symmetric((7, 7), 1, 2, 4),
    "constant": torch.ones(3, 4, 6),
}


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("name", IMAGES)
def test_every_turn_gives_the_same_bits(name, group):
    image = IMAGES[name]
    before = canonically(blurred, image, group)
    for h in group.elements:
        after = canonically(blurred, group.act_image(h, image), group)
        assert torch.equal(after, group.act_image(h, before))


def test_without_it_turns_give_other_values():
    image, group = IMAGES["noise"], GROUPS[0]
    turned = blurred(group.act_image(1, image))
    assert (turned - group.act_image(1, blurred(image))).abs().max() > 0.1


def test_of_an_image_without_symmetry_one_element_is_found_and_of_others_their_number():
    d4 = DihedralGroup(4)
    counts = {name: len(least_turns(image, d4)) for name, image in IMAGES.items()}
    assert counts == {
        **{"noise": 1, "square": 1, "a mirror": 2, "half a turn": 2},
        **{"a quarter turn": 4, "everything": 8, "constant": 4},
    }


def test_the_shorter_side_of_the_least_copy_is_its_height():
    (g,) = least_turns(torch.rand(9, 4), CyclicGroup(4))
    assert CyclicGroup(4).act_image(g, torch.rand(9, 4)).shape == (4, 9)


def test_groups_between_pixels_are_refused():
    with pytest.raises(ValueError, match=r"CyclicGroup\(8\) turns between pixels; use C1, C2"):
        least_turns(torch.rand(4, 4), CyclicGroup(8))


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_memory_layout_of_an_image_does_not_count(seed):
    """A sum over all values runs in the order in which they lie in memory."""
    image = torch.rand(3, 57, 83, generator=torch.Generator().manual_seed(seed))
    last = image.movedim(0, -1).contiguous().movedim(-1, 0)
    assert torch.equal(image, last)
    assert torch.equal(*(canonically(lambda x: x / x.sum(), x, GROUPS[1]) for x in (image, last)))


def test_nan_is_refused():
    image = torch.full((1, 4, 4), float("nan"))
    with pytest.raises(ValueError, match="a value is NaN; look for NaN in the image and the"):
        canonically(blurred, image, GROUPS[0])
