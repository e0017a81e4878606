"""The guard that text stays visible."""

import pytest
import torch

from isotrope.data.augment import legible
from isotrope.data.augment.palette import brightness


@pytest.mark.parametrize(("least", "greatest"), [(0.0, 0.1), (0.9, 1.0), (0.4, 0.41)])
def test_faint_grays_are_stretched_in_their_order(least, greatest):
    ramp = torch.linspace(least, greatest, 30).expand(1, 3, 4, 30)
    gray = brightness(legible(ramp))[0, 0, 0]
    assert float(gray.max() - gray.min()) == pytest.approx(0.24, abs=1e-4)
    assert bool((gray.diff() > 0).all())


def test_enough_contrast_and_none_stay_as_they_are():
    images = torch.stack((torch.rand(3, 5, 6), torch.full((3, 5, 6), 0.3)))
    assert torch.equal(legible(images), images)


def test_faint_images_are_stretched_among_others():
    images = torch.stack((torch.rand(3, 5, 6), 0.5 + 0.02 * torch.rand(3, 5, 6)))
    result = legible(images)
    assert torch.equal(result[0], images[0])
    assert float(brightness(result[1:]).max() - brightness(result[1:]).min()) > 0.2
