"""Presets: alike in positions and total width, whatever the group; DeiT's sizes by name."""

from dataclasses import replace

import pytest
import torch

from isotrope import EquivariantViT, equivariance_error
from isotrope.groups import group_from_name
from isotrope.models import presets
from isotrope.models.presets import PRESETS, SIZES, preset

DEIT = [size for size in SIZES if isinstance(size, str)]
ORDERS = {"C1": 1, "C4": 4, "D4": 8}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("group", ORDERS)
def test_positions_and_total_width_are_alike(name, size, group):
    ours, plain = preset(name, size, group), preset("vit", size)
    assert ours.group == group
    assert ours.patch == plain.patch
    assert ours.stride == plain.stride

    def blocks(config, order):
        return [dim * order for stage in config.stages for dim in stage.depth * [stage.dim]]

    assert blocks(ours, ORDERS[group]) == blocks(plain, 1)
    attention = [s.mixer for s in ours.stages if s.mixer.name in ("gsa", "gcsa")]
    if name not in ("cnn", "vit") and size in DEIT:
        assert {mixer.kv_pool for mixer in attention} == {2}
        assert ours.unit == 32
    elif name not in ("cnn", "hybrid", "vit"):
        assert [m.kv_pool for m in attention] == [s.mixer.kv_pool for s in plain.stages]


@pytest.mark.parametrize(
    ("size", "depth", "width", "heads"),
    [("ti", 12, 192, 3), ("s", 12, 384, 6), ("b", 12, 768, 12), ("l", 24, 1024, 16)],
)
def test_the_plain_ones_are_shaped_like_deit(size, depth, width, heads):
    (stage,) = preset("vit", size).stages
    assert (stage.depth, stage.dim, stage.mixer.heads, stage.mlp_ratio) == (depth, width, heads, 4)
    assert preset("vit", size).patch == (16, 16, 0)


def test_the_hybrid_begins_with_convolutions():
    local, rest = preset("hybrid", "s").stages
    assert (local.mixer.name, local.depth, rest.mixer.name, rest.depth) == ("conv", 3, "gsa", 9)
    assert rest.mixer.encoding == "rotary"
    first, second, last = preset("hybrid", 96).stages
    assert [stage.stride for stage in (first, second, last)] == [1, 1, 2]


@pytest.mark.parametrize("name", ["gcsa", "gsa-rotary", "gsa-mlp", "cnn", "hybrid"])
def test_the_small_ones_are_equivariant(name):
    config = preset(name, 28)
    model = EquivariantViT(config).double().eval()
    images = torch.rand(2, 3, 28, 36, dtype=torch.float64)
    assert max(equivariance_error(model, images, model.group).values()) < 1e-12


def shallow(name, size, group):
    """A preset with two blocks a stage, all of its weights random, in float64."""
    torch.manual_seed(0)
    config = preset(name, size, group, layer_scale=0.1, drop_path=0.1)
    stages = [replace_depth(stage) for stage in config.stages]
    model = EquivariantViT(replace(config, stages=stages)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and layer scales too
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def replace_depth(stage):
    stage.depth = 1 if stage.mixer.name == "conv" else 2
    return stage


@pytest.mark.parametrize("name", ["gcsa", "gsa-rotary", "hybrid"])
@pytest.mark.parametrize(("size", "group"), [("ti", "D4"), ("s", "C4"), ("b", "D4")])
def test_deit_sizes_are_equivariant(name, size, group):
    model = shallow(name, size, group)
    images = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        assert max(equivariance_error(model, images, model.group).values()) < 1e-11


def test_the_plain_one_is_not():
    model = shallow("vit", "ti", None)
    images = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        errors = equivariance_error(model, images, group_from_name("C4"))
    assert min(error for element, error in errors.items() if error) > 1e-3


@pytest.mark.parametrize("size", DEIT)
def test_the_documented_parameters_are_theirs(size):
    row = next(x for x in presets.__doc__.splitlines() if x.startswith(f"| `{size}`"))
    written = [cell.strip() for cell in row.split("|")[3:7]]
    with torch.device("meta"):
        models = [
            EquivariantViT(preset(name, size, classes=1000))
            for name in ("gcsa", "gsa-rotary", "hybrid", "vit")
        ]
    for text, model in zip(written, models, strict=True):
        digits = len(text.partition(".")[2]) - 1
        millions = sum(p.numel() for p in model.parameters()) / 1e6
        assert text == f"{millions:.{digits}f}M"


def test_the_reference_size():
    model = EquivariantViT(preset("gcsa", 28, in_channels=1))
    assert 26_000 < sum(p.numel() for p in model.parameters()) < 30_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg", 28), "name='vgg' is not a preset; use one of gcsa"),
        (("gcsa", 30), "size=30 has no preset; use one of 28, 96, 224, ti, s, b, l,"),
        (("gcsa", 28, "C3"), "3 elements does not divide the total width 128"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        preset(*arguments)


@pytest.mark.parametrize("name", ["gcsa", "gsa-rotary", "hybrid", "vit"])
def test_every_weight_learns(name):
    """Or several ranks would wait for the gradient of one that does not."""
    model = shallow(name, "ti", None).train()
    model(torch.rand(2, 3, 64, 64, dtype=torch.float64)).square().mean().backward()
    assert not [name for name, weight in model.named_parameters() if weight.grad is None]
