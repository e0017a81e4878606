"""Whole pictures: flat at severity 0, legible, of the masks' size; palettes and fields."""

import pytest
import torch

from isotrope.data.augment import Paper, Scene
from isotrope.data.augment.fields import octaves, ramp, stripes
from isotrope.data.augment.palette import apart, brightness, grounds_and_inks, luminance

styles = pytest.mark.parametrize("style", [Scene(), Paper()], ids=["scene", "paper"])


def masks(count: int = 24) -> torch.Tensor:
    """A block of text in the middle, and one at the right edge beside it."""
    result = torch.zeros(count, 2, 32, 70)
    result[:, 0, 10:22, 10:50] = 1
    result[:, 1, 10:22, 60:] = 1
    return result


@styles
def test_severity_0_gives_two_flat_colors(style):
    images = style(masks(), torch.Generator().manual_seed(0), 0.0)
    assert images.shape == (24, 3, 32, 70)
    for image in images:
        assert len(image.flatten(1).T.unique(dim=0)) == 2


@styles
def test_text_differs_from_the_ground(style):
    images = style(masks(200), torch.Generator().manual_seed(0))
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1
    gray = brightness(images)
    spans = gray.amax((1, 2, 3)) - gray.amin((1, 2, 3))
    assert float(spans.min()) > 0.1


@styles
def test_the_generator_decides_everything(style):
    first, second = (style(masks(), torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(first, second)


def test_colors_are_as_far_apart_as_asked():
    generator = torch.Generator().manual_seed(0)
    for least in (0.2, 0.5):
        grounds, inks = grounds_and_inks(generator, 500, least)
        assert float((luminance(grounds) - luminance(inks)).abs().min()) > least - 1e-3


def test_colors_far_enough_apart_stay():
    dark, bright = torch.tensor([[0.1, 0.0, 0.2]]), torch.tensor([[0.9, 0.8, 0.7]])
    assert torch.equal(apart(dark, bright, 0.3), dark)


def test_fields_are_of_unit_size():
    generator, size = torch.Generator().manual_seed(0), (30, 90)
    noise = octaves(generator, 300, size, torch.full((300,), 0.7))
    assert 0.6 < float(noise.std()) < 1.4
    assert float(stripes(generator, 50, size).abs().max()) <= 1
    assert ramp(generator, 5, size).shape == (5, 1, *size)
