"""One class for every model of the papers: invariant logits, equivariant features, saving."""

import json
from dataclasses import asdict

import pytest
import torch

from isotrope.equivariance import assert_equivariant, audit
from isotrope.groups import group_from_name
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.vit import EquivariantViT

KINDS = {
    "G-CSA": [Stage("gcsa", 2, 8, 2)],
    "GSA without positions": [Stage("gsa", 2, 8, 2)],
    "GSA mlp": [Stage("gsa", 2, 8, 2, encoding="mlp")],
    "GSA summed": [Stage("gsa", 1, 8, 2, encoding="mlp", sum_orientations=True)],
    "GSA table": [Stage("gsa", 2, 8, 2, encoding="table")],
    "GSA rotary": [Stage("gsa", 2, 24, 2, encoding="rotary")],
    "CNN": [Stage("conv", 2, 8), Stage("conv", 1, 12, stride=2, kernel_size=5)],
    "plain": [Stage("plain", 0, 4), Stage("plain", 2, 6, stride=2), Stage("gcsa", 1, 8, 2)],
    "windows": [Stage("gcsa", 1, 8, 2, window=2), Stage("gsa", 1, 8, 2, window=4, encoding="mlp")],
    "hybrid": [
        Stage("conv", 1, 8),
        Stage("gcsa", 1, 12, 2, stride=2),
        Stage("gsa", 1, 24, 2, encoding="rotary"),
    ],
    "no blocks": [Stage("conv", 0, 4), Stage("gcsa", 1, 8, 2, stride=4)],
    "one filter over all": [Stage("plain", 0, 4), Stage("conv", 0, 8, stride=4, step_kernel=4)],
}


def build(stages, group="C4", classes=5, **options):
    torch.manual_seed(0)
    return EquivariantViT(EquivariantViTConfig(group, stages=stages, classes=classes, **options))


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_invariant(kind, group):
    model = build(KINDS[kind], group)
    size = 4 * model.config.stride
    images = torch.randn(2, 3, size, 2 * size)
    assert model(images).shape == (2, 5)
    assert_equivariant(model, images, group_from_name(group), tol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_is_equivariant(kind):
    """Logits hide a fault: the error shrinks on its way through the pooling."""
    model = build(KINDS[kind])
    size = 4 * model.config.stride
    report = audit(model, torch.randn(2, 3, size, 2 * size), model.group, tolerance=1e-10)
    assert report.ok, str(report)


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("kind", ["plain", "hybrid", "CNN", "one filter over all"])
def test_batch_norm_and_the_maximum_leave_it_equivariant(kind, group):
    model = build(KINDS[kind], group, norm="batch", pool="max")
    size = 4 * model.config.stride
    model(torch.randn(8, 3, size, size))  # running statistics that are not nil and one
    images = torch.randn(2, 3, size, 2 * size)
    assert audit(model.eval(), images, model.group, tolerance=1e-10).ok


def test_plain_vit_is_the_class_with_c1():
    model = build([Stage("gsa", 2, 24, 2, encoding="rotary")], "C1")
    images = torch.randn(2, 3, 16, 24)
    assert model.features(images)[0].shape == (2, 1, 4, 6, 24)
    report = audit(model, images, group_from_name("C4"))
    assert report.first_broken.name == "embed"
    assert report.rows[-1].error > 1e-6


def test_c8_is_exact_on_quarter_turns():
    model = build([Stage("gsa", 1, 48, 2, encoding="rotary")], "C8")
    report = audit(model, torch.randn(1, 3, 16, 16), model.group)
    assert report.ok, report.verdict
    assert report.rows[-1].between > 1e-5


def test_the_pyramid_has_the_stated_shapes_and_turns_with_the_image():
    stages = [Stage("conv", 1, 8), Stage("gcsa", 1, 12, 2, stride=2), Stage("gsa", 1, 12, 2)]
    model = build(stages, patch=(8, 4, 2)).double()
    assert model.config.stride == 8
    images = torch.randn(2, 3, 32, 48, dtype=torch.float64)
    pyramid = model.features(images)
    shapes = [(2, 4, 8, 12, 8), (2, 4, 4, 6, 12), (2, 4, 4, 6, 12)]
    assert [tuple(f.shape) for f in pyramid] == shapes
    for turned, feature in zip(
        model.features(model.group.act_image(1, images)), pyramid, strict=True
    ):
        torch.testing.assert_close(turned, model.group.act_lifted(1, feature), rtol=0, atol=1e-10)


def test_without_classes_it_gives_pooled_features():
    model = build(KINDS["CNN"], classes=0)
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(model(images), model.features(images)[-1].mean(dim=(1, 2, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_but_the_bias_of_keys_gets_a_gradient(kind):
    model = build(KINDS[kind])
    size = 4 * model.config.stride
    model(torch.randn(2, 3, size, size)).square().sum().backward()
    for name, parameter in model.named_parameters():
        if not name.endswith("k_proj.bias"):
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_it_is_the_same_bit_for_bit(kind, tmp_path):
    model = build(KINDS[kind]).eval()
    model.save_pretrained(tmp_path / "model")
    again = EquivariantViT.from_pretrained(tmp_path / "model")
    assert again.config == model.config
    assert not again.training
    saved, loaded = model.state_dict(), again.state_dict()
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)
    images = torch.randn(1, 3, 4 * model.config.stride, 4 * model.config.stride)
    with torch.no_grad():
        assert torch.equal(model(images), again(images))
    assert {p.name for p in (tmp_path / "model").iterdir()} == {"config.json", "model.safetensors"}


def test_the_config_is_a_value_in_json():
    config = EquivariantViTConfig("D4", patch=[8, 4, 2], stages=KINDS["hybrid"], classes=3)
    again = EquivariantViTConfig(**json.loads(json.dumps(asdict(config))))
    assert again == config
    assert again.patch == (8, 4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Stage("attention"),
            "mixer='attention' is not known; use one of gcsa, gsa, conv, plain",
        ),
        (
            lambda: Stage("gcsa", encoding="mlp"),
            "encoding='mlp' goes with mixer='gsa', not 'gcsa'; leave it out or change the mixer",
        ),
        (
            lambda: Stage("conv", sum_orientations=True),
            "sum_orientations=True goes with mixer='gsa', not 'conv'",
        ),
        (lambda: EquivariantViTConfig(stages=[]), "stages is empty; give at least one Stage"),
        (
            lambda: EquivariantViTConfig(stages=[Stage(stride=2)]),
            r"the first stage has FilterStep\(.*stride=2.*; leave its step out and stride the",
        ),
        (
            lambda: EquivariantViTConfig(norm="group"),
            "norm='group' is not known; use one of layer, batch",
        ),
        (
            lambda: EquivariantViTConfig(pool="sum"),
            "pool='sum' is not known; use one of mean, max",
        ),
        (
            lambda: EquivariantViTConfig(stages=[Stage("plain", 1, 4), Stage("plain", 0, 6)]),
            "no plain layers cannot go from dim=4 to 6; give it a depth of 1 or more",
        ),
        (lambda: build([Stage()], "Z4"), "'Z4' is not a group; write C or D and a number"),
        (
            lambda: build([Stage("conv", 1, 8), Stage("conv", 1, 8, stride=3, step_kernel=6)]),
            "a kernel of 6 with stride=3 has .*use kernel_size=3 or 5",
        ),
        (
            lambda: build([Stage("conv", 1, 8, kernel_size=4)]),
            "kernel_size=4 is even and would shift the grid by half a step; use 5",
        ),
        (
            lambda: build([Stage("conv", 1, 8)])(torch.rand(1, 3, 18, 16)),
            r"size 18x16 breaks equivariance: .*resize or pad 18 to 16 or 20",
        ),
        (
            lambda: build([Stage("gcsa", 1, 8, 2)])(torch.rand(1, 1, 16, 16)),
            r"\(1, 1, 16, 16\) is not an image batch; give \(B, 3, H, W\)",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_folder_without_weights_is_named(tmp_path):
    message = r"has no config.json and no model.safetensors; give a folder that EquivariantViT.save"
    with pytest.raises(FileNotFoundError, match=message):
        EquivariantViT.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"has no model.safetensors;"):
        EquivariantViT.from_pretrained(tmp_path)
