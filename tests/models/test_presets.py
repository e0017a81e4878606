"""Presets: alike in positions and total width, whatever the group."""

import pytest
import torch

from isotrope import EquivariantViT, equivariance_error
from isotrope.models.presets import PRESETS, WIDTHS, preset


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("group", ["C1", "C4", "D4"])
def test_positions_and_total_width_are_alike(name, size, group):
    ours, plain = preset(name, size, group), preset("vit", size)
    assert ours.group == group
    assert ours.patch == plain.patch
    order = {"C1": 1, "C4": 4, "D4": 8}[group]
    for mine, its in zip(ours.stages, plain.stages, strict=True):
        assert mine.dim * order == its.dim
        assert (mine.depth, mine.stride) == (its.depth, its.stride)
        if name != "cnn":
            assert mine.mixer.kv_pool == its.mixer.kv_pool


@pytest.mark.parametrize("name", ["gcsa", "gsa-rotary", "gsa-mlp", "cnn"])
def test_the_small_ones_are_equivariant(name):
    config = preset(name, 28)
    model = EquivariantViT(config).double().eval()
    images = torch.rand(2, 3, 28, 36, dtype=torch.float64)
    assert max(equivariance_error(model, images, model.group).values()) < 1e-12


def test_the_reference_size():
    model = EquivariantViT(preset("gcsa", 28, in_channels=1))
    assert 26_000 < sum(p.numel() for p in model.parameters()) < 30_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg", 28), "name='vgg' is not a preset; use one of gcsa"),
        (("gcsa", 30), "size=30 has no preset; use one of 28, 96, 224"),
        (("gcsa", 28, "C3"), "3 elements does not divide the total width 128"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        preset(*arguments)
