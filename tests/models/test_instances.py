"""The watershed commutes with turns to the bit: noise, ties, plateaus, symmetric maps."""

import numpy as np
import pytest
import torch

from isotrope.groups import DihedralGroup
from isotrope.models.instances import Watershed, find_instances, segment

pytest.importorskip("skimage", reason="watersheds are scikit-image's")

D4 = DihedralGroup(4)
ALL = Watershed(smallest=1)


def turned(h, labels):
    return D4.act_image(h, torch.from_numpy(labels)).numpy()


def partition(labels):
    """The instances as sets of pixels, whatever their numbers."""
    return {
        frozenset(zip(*np.nonzero(labels == number), strict=True))
        for number in range(1, labels.max() + 1)
    }


def noise(levels, size=(23, 31), seed=0):
    """Smooth random maps; with few levels, most values are tied and there are plateaus."""
    draws = torch.randn(1, 2, *size, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(draws, 3, 1, 1, count_include_pad=False)[0]
    maps = torch.stack((smooth[0] + 0.3, smooth[1] + 0.3))
    return (maps * levels).round() / levels if levels else maps


def discs(*centers, size=(24, 24), radius=6):
    """Logits and distances of discs, the nearer center counting where they overlap."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    away = torch.stack([((y - r) ** 2 + (x - c) ** 2).float().sqrt() for r, c in centers])
    distance = (1 - away.amin(0) / radius).clamp(min=0)
    return torch.stack((distance - 0.01, distance))


@pytest.mark.parametrize("levels", [0, 1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(4))
def test_turned_maps_give_the_turned_instances_and_numbers(levels, seed):
    maps = noise(levels, seed=seed)
    found = find_instances(maps, ALL)
    assert found.max() > 10
    for h in D4.elements:
        assert np.array_equal(find_instances(D4.act_image(h, maps), ALL), turned(h, found))


@pytest.mark.parametrize("levels", [0, 2])
@pytest.mark.parametrize("elements", [(4,), (2,), (1, 2), (1, 2, 4)])
def test_symmetric_maps_give_symmetric_instances(elements, levels):
    maps = noise(levels, (21, 21), seed=3)
    for h in elements:
        maps = torch.maximum(maps, D4.act_image(h, maps))
    maps = maps - 0.5  # the largest of several values lies higher
    found = partition(find_instances(maps, ALL))
    assert len(found) > 5
    for h in D4.elements:
        again = find_instances(D4.act_image(h, maps), ALL)
        assert partition(turned(D4.inverse(h), again)) == found


def test_scikit_image_alone_depends_on_the_order_of_the_pixels():
    """What the least copy is for: two cores reach the pixels between them at the same time."""
    from skimage.segmentation import watershed

    flat, cores = np.zeros((3, 6)), np.zeros((3, 6), int)
    cores[1, 0], cores[1, 5], cores[0, 2] = 1, 2, 3
    flooded = watershed(flat, cores)
    assert not np.array_equal(watershed(flat.T, cores.T).T, flooded)


def test_touching_discs_are_parted_and_small_ones_left_out():
    maps = discs((8, 7), (8, 16), (20, 20))
    found = find_instances(maps)
    assert len(partition(found)) == 3
    assert found[8, 7] != found[8, 16]
    assert (found > 0).sum() == (maps[0] > 0).sum()
    assert find_instances(discs((8, 8), radius=2), Watershed(smallest=20)).max() == 0


def test_between_mirrored_discs_the_middle_belongs_to_neither():
    maps = discs((10, 7), (10, 13), size=(21, 21))
    found = find_instances(maps)
    assert (found[:, 10] == 0).all()
    assert len(partition(found)) == 2
    assert (found == turned(4, found)).sum() == (found == 0).sum()


def test_a_shallow_part_is_an_instance():
    maps = discs((8, 8))
    maps[1] *= 0.1
    assert find_instances(maps).max() == 1


def test_an_image_that_is_all_foreground_is_one_instance():
    assert find_instances(torch.ones(2, 6, 9)).tolist() == [[1] * 9] * 6
    assert find_instances(-torch.ones(2, 6, 9)).max() == 0


def test_ripples_lower_than_the_rise_part_nothing():
    maps = discs((12, 12), radius=10)
    y, x = torch.meshgrid(torch.arange(24), torch.arange(24), indexing="ij")
    maps[1] = maps[1].clamp(max=0.5) + 0.06 * torch.sin(x.float()) * torch.cos(y.float())
    assert find_instances(maps, Watershed(rise=0.2)).max() == 1
    assert find_instances(maps, Watershed(rise=0.02, smallest=1)).max() > 3


class Uneven:
    """A network that is not equivariant: brightness, and distances that lean to the right."""

    group, unit = D4, 4

    def __call__(self, image):
        lean = torch.linspace(0, 0.1, image.shape[3])
        return torch.stack((image.mean(1) - 0.5, image.mean(1) + lean), 1)


@pytest.mark.parametrize("size", [(16, 24), (23, 18)])
def test_instances_of_an_image_are_exact_whatever_the_network(size):
    image = torch.randint(0, 255, (3, *size), generator=torch.Generator().manual_seed(0))
    image = image.to(torch.uint8)
    found = segment(Uneven(), image, ALL)
    assert found.shape == size
    assert found.max() > 3
    for h in D4.elements:
        assert np.array_equal(segment(Uneven(), D4.act_image(h, image), ALL), turned(h, found))


def test_other_maps_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 4, 4\) is not a pair of maps; give \(2, H"):
        find_instances(torch.rand(3, 4, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inside": 1}, "inside=1 is no probability between 0 and 1; give 0.5"),
        ({"inside": 0.0}, "inside=0.0 is no probability"),
        ({"rise": -0.1}, "rise=-0.1 is negative; give a distance such as 0.2"),
    ],
)
def test_a_watershed_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Watershed(**options)
