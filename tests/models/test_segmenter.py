"""The segmenter as a value on disk, and its instances at every turn."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from isotrope.equivariance import assert_equivariant, equivariance_error
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.instances import Watershed
from isotrope.models.segmenter import Segmenter, SegmenterConfig


def build(group="D4", norm="layer"):
    torch.manual_seed(0)
    stages = [Stage("conv", 1, 8), Stage("gcsa", 1, 8, 2, stride=2)]
    backbone = EquivariantViTConfig(group, 3, (8, 4, 2), stages, norm=norm)
    return Segmenter(SegmenterConfig(backbone, watershed=Watershed(rise=0.1, smallest=2))).eval()


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_saved_and_loaded_it_is_the_same_bit_for_bit(norm, tmp_path):
    model = build(norm=norm)
    model.save_pretrained(tmp_path)
    again = Segmenter.from_pretrained(tmp_path)
    assert again.config == model.config
    image = torch.rand(1, 3, 16, 24)
    with torch.no_grad():
        assert torch.equal(again(image), model(image))


def test_the_config_is_a_value_in_json():
    config = build().config
    assert SegmenterConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_a_folder_of_another_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"give a folder that Segmenter.save_pretrained"):
        Segmenter.from_pretrained(tmp_path)


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("size", [(40, 24), (31, 26)])
def test_instances_of_a_turned_image_are_the_turned_instances(group, size):
    pytest.importorskip("skimage", reason="watersheds are scikit-image's")
    model = build(group)
    image = torch.randint(0, 255, (3, *size), generator=torch.Generator().manual_seed(0))
    image = image.to(torch.uint8)
    found = model.instances(image)
    assert found.max() > 3
    for h in model.group.elements:
        expected = model.group.act_image(h, torch.from_numpy(found)).numpy()
        assert np.array_equal(model.instances(model.group.act_image(h, image)), expected)


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize(("patch", "stride"), [((3, 1, 1), 2), ((3, 3, 0), 2), ((4, 2, 1), 3)])
def test_strides_may_be_odd(group, patch, stride):
    """A U-Net whose first stage is as fine as the image, and grids that shrink to a third."""
    torch.manual_seed(0)
    stages = [Stage("conv", 1, 4), Stage("gcsa", 1, 6, 2, stride=stride)]
    backbone = EquivariantViTConfig(group, 2, patch, stages)
    model = Segmenter(SegmenterConfig(backbone, maps=3, vectors=True)).double().eval()
    unit = model.unit
    image = torch.randn(1, 2, 2 * unit, 3 * unit, dtype=torch.float64)
    assert_equivariant(model, image, group)
    maps, vectors = model(image)
    assert maps.shape[2:] == vectors.shape[2:] == image.shape[2:]
    model.gives = ("image", "image")  # a claim that vectors only move
    assert max(equivariance_error(model, image, group).values()) > 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_instances_come_from_weights_of_any_dtype(dtype):
    pytest.importorskip("skimage", reason="watersheds are scikit-image's")
    model = build().to(dtype)
    image = torch.rand(3, 31, 26, generator=torch.Generator().manual_seed(0))
    found = model.instances(image)
    assert found.max() > 1
    turned = model.group.act_image(1, torch.from_numpy(found)).numpy()
    assert np.array_equal(model.instances(model.group.act_image(1, image)), turned)


def test_instances_come_from_16_bits():
    pytest.importorskip("skimage", reason="watersheds are scikit-image's")
    model, rng = build(), torch.Generator().manual_seed(0)
    image = torch.randint(0, 2**16, (3, 31, 26), generator=rng, dtype=torch.int32)
    found = model.instances(image.to(torch.uint16))
    assert found.max() > 1
    for h in model.group.elements:
        turned = model.group.act_image(h, image).to(torch.uint16)
        expected = model.group.act_image(h, torch.from_numpy(found)).numpy()
        assert np.array_equal(model.instances(turned), expected)


@pytest.mark.parametrize("shape", [(1, 3, 20, 20), (20, 20), (3, 0, 5)])
def test_what_is_not_one_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(.*\) is not an image; give one, \(C, H, W\)"):
        build().instances(torch.rand(shape))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.rand(1, 20, 20), r"has 1 channels and the model takes 3; give \(C, H, W\)$"),
        (torch.rand(20, 24, 3), r"takes 3; give \(C, H, W\), such as image.movedim\(-1, 0\)$"),
        (torch.full((3, 20, 20), float("nan")), "a value of the image is not finite; give numbers"),
        (torch.full((3, 20, 20), float("inf")), "a value of the image is not finite; give numbers"),
    ],
)
def test_an_image_that_the_model_cannot_take_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        build().instances(image)


def test_an_array_is_refused():
    with pytest.raises(TypeError, match=r"ndarray is no tensor; give a tensor \(C, H, W\)"):
        build().instances(np.zeros((20, 20, 3)))


def test_a_model_in_training_is_refused():
    with pytest.raises(ValueError, match=r"in training mode; call its eval\(\) first"):
        build(norm="batch").train().instances(torch.rand(3, 20, 20))
