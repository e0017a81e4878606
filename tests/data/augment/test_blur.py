"""Taps and sums of shifts: weights, directions, and the definition by loops."""

import pytest
import torch

from isotrope.data.augment.blur import along, box_taps, gaussian_taps, softened


def test_taps_sum_to_one_and_are_symmetric():
    width = torch.tensor([0.001, 0.5, 1.0, 3.0])
    for taps in (gaussian_taps(width), box_taps(width)):
        assert taps.shape == (4, 7)
        assert torch.allclose(taps.sum(1), torch.ones(4))
        assert torch.allclose(taps, taps.flip(1))
        assert bool((taps >= 0).all())


def test_the_narrowest_taps_keep_images():
    images = torch.rand(2, 3, 11, 7)
    for taps in (gaussian_taps(torch.full((2,), 1e-3)), box_taps(torch.zeros(2))):
        assert torch.allclose(softened(images, taps), images, atol=1e-6)


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_each_image_has_its_own_taps(step):
    images = torch.rand(2, 1, 9, 12, generator=torch.Generator().manual_seed(0)).double()
    taps = torch.rand(2, 5, generator=torch.Generator().manual_seed(1)).double()
    result = along(images, taps, step)
    for b in range(2):
        expected = sum(
            taps[b, k + 2] * images[b, 0, 4 + k * step[0], 5 + k * step[1]] for k in range(-2, 3)
        )
        assert torch.allclose(result[b, 0, 4, 5], expected)


def test_flat_images_stay_flat_up_to_the_border():
    images = torch.full((1, 3, 6, 5), 0.4)
    assert torch.allclose(softened(images, gaussian_taps(torch.tensor([1.5]))), images)
