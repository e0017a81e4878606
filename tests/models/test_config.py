"""Stages as values: by name, by config, from JSON, TOML, and the first flat form."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import nn

import isotrope
from isotrope import EquivariantViT, EquivariantViTConfig, Stage, equivariance_error
from isotrope.models import mixers
from isotrope.models.legacy import from_flat
from isotrope.models.mixers import GCSA, GSA, MIXERS, DepthwiseConv, FullConv, Mixer
from isotrope.models.presets import preset
from isotrope.models.steps import STEPS, FilterStep, LinearStep, MeanStep
from isotrope.nn import ResidualScale

ROOT = Path(__file__).parents[2]
FLAT = {
    "mixer": "conv",
    "depth": 1,
    "dim": 8,
    "heads": 4,
    "encoding": None,
    "sum_orientations": False,
    "kernel_size": 5,
    "window": None,
    "kv_pool": 2,
    "stride": 1,
    "step_kernel": None,
    "mlp_ratio": 2.0,
}
"""As every stage was saved at first, whatever its mixer."""


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (Stage("gcsa", depth=4, dim=32), Stage(GCSA(), 4, 32)),
        (Stage(), Stage(GCSA(heads=2), 2, 32)),
        (Stage("gsa", 1, 16, 2, "rotary"), Stage(GSA(heads=2, encoding="rotary"), 1, 16)),
        (Stage("conv", 1, 8, stride=2), Stage(DepthwiseConv(), 1, 8, step=FilterStep(2))),
        (Stage("conv", 0, 8, stride=4, step_kernel=4), Stage("conv", 0, 8, step=FilterStep(4, 4))),
        (Stage("plain", 1, 8, stride=2), Stage(FullConv(), 1, 8, step=MeanStep(2))),
        (Stage("conv", 1, 8, step="linear"), Stage("conv", 1, 8, step=LinearStep())),
        (Stage({"name": "gcsa", "heads": 4}, 1, 8), Stage(GCSA(4), 1, 8)),
    ],
)
def test_short_forms(short, long):
    assert short == long


@pytest.mark.parametrize("name", MIXERS)
def test_every_registered_config_names_itself_and_comes_back(name):
    assert MIXERS[name]().name == name
    stage = Stage(MIXERS[name](), 1, 8)
    assert Stage(**json.loads(json.dumps(asdict(stage)))) == stage


@pytest.mark.parametrize("name", STEPS)
def test_every_step_names_itself_and_comes_back(name):
    assert STEPS[name]().name == name
    stage = Stage("conv", 1, 8, step=STEPS[name]())
    assert Stage(**json.loads(json.dumps(asdict(stage)))) == stage


def test_a_change_of_width_without_a_step_is_a_linear_step():
    config = EquivariantViTConfig(stages=[Stage("conv", 1, 8), Stage("gcsa", 1, 12)])
    assert config.stages[1].step == LinearStep()
    assert isinstance(EquivariantViT(config).downsamples[1], nn.Linear)
    plain = EquivariantViTConfig(stages=[Stage("plain", 1, 8), Stage("plain", 1, 12)])
    assert plain.stages[1].step is None


def test_every_step_can_stand_before_every_mixer():
    for mixer in (GCSA(), DepthwiseConv(), FullConv()):
        for step in (FilterStep(2), MeanStep(2)):
            stages = [Stage("conv", 1, 8), Stage(mixer, 1, 8, step=step)]
            model = EquivariantViT(EquivariantViTConfig("C4", stages=stages))
            images = torch.randn(1, 3, 16, 24)
            assert model.features(images)[1].shape == (1, 4, 2, 3, 8)
            assert max(equivariance_error(model, images, "C4").values()) < 1e-10


def test_replace_keeps_the_rest():
    stage = Stage("gsa", 3, 16, encoding="mlp", stride=2)
    changed = replace(stage, mixer=replace(stage.mixer, sum_orientations=True))
    assert changed.mixer == GSA(encoding="mlp", sum_orientations=True)
    assert (changed.depth, changed.dim, changed.stride) == (3, 16, 2)


def test_a_mixer_of_your_own(monkeypatch):
    @dataclass(frozen=True)
    class Nothing(Mixer):
        name: str = field(default="nothing", init=False)

        def build(self, dim, group):
            return nn.Identity()

    monkeypatch.setitem(MIXERS, "nothing", Nothing)
    stages = [{"mixer": "nothing", "depth": 1, "dim": 8}]
    model = EquivariantViT(EquivariantViTConfig(stages=stages))
    assert isinstance(model.stages[0][0].mixer, nn.Identity)


# The first form -----------------------------------------------------------------------------------


def test_the_flat_form_loads_without_what_its_mixer_does_not_use():
    assert Stage(**from_flat(FLAT)) == Stage("conv", 1, 8, kernel_size=5, mlp_ratio=2.0)
    gcsa = FLAT | {"mixer": "gcsa", "stride": 2, "step_kernel": 4}
    assert Stage(**from_flat(gcsa)) == Stage(
        GCSA(4, 5, kv_pool=2), 1, 8, step=FilterStep(2, 4), mlp_ratio=2.0
    )
    plain = FLAT | {"mixer": "plain", "stride": 2, "step_kernel": 4}
    assert Stage(**from_flat(plain)).step == MeanStep(2)
    before_step_kernel = {n: v for n, v in FLAT.items() if n not in ("step_kernel", "kv_pool")}
    assert Stage(**from_flat(before_step_kernel)) == Stage(**from_flat(FLAT))


def test_a_misplaced_option_of_a_recipe_is_not_taken_for_the_flat_form():
    with pytest.raises(ValueError, match="heads=4 goes with mixer='gcsa' or 'gsa', not 'conv'; le"):
        EquivariantViTConfig(stages=[{"mixer": "conv", "heads": 4}])


def test_the_config_of_the_shipped_weights_loads():
    path = Path(isotrope.__file__).parent / "weights" / "recognizer" / "config.json"
    vit = json.loads(path.read_text(encoding="utf-8"))["encoder"]["vit"]
    config = EquivariantViTConfig(**vit)
    assert [stage.mixer.name for stage in config.stages] == ["conv", "conv", "conv", "gsa"]
    assert (config.stride, config.stages[3].mixer.encoding) == (8, "rotary")


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").rglob("*.toml")), ids=lambda p: p.stem)
def test_the_stages_of_every_recipe_load(path):
    recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    model = recipe.get("model", recipe.get("encoder", {}))
    if "stages" not in model or "group" not in model:
        pytest.skip("a recipe without an EquivariantViT of its own")
    EquivariantViTConfig(**model)


def _flat(stage):
    mixer, step = stage["mixer"], stage["step"] or {}
    options = {name: value for name, value in mixer.items() if name != "name"}
    step = {"stride": step.get("stride", 1), "step_kernel": step.get("kernel_size")}
    same = {name: stage[name] for name in ("depth", "dim", "mlp_ratio")}
    return FLAT | {"kernel_size": 3} | options | same | step | {"mixer": mixer["name"]}


@pytest.mark.parametrize("name", ["gcsa", "gsa-rotary", "gsa-mlp", "cnn", "vit"])
def test_a_model_saved_in_the_flat_form_loads(name, tmp_path):
    config = preset(name, 28)
    model = EquivariantViT(config)
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    saved["stages"] = [_flat(stage) for stage in saved["stages"]]
    (tmp_path / "config.json").write_text(json.dumps(saved))
    again = EquivariantViT.from_pretrained(tmp_path)
    assert again.config == config
    images = torch.randn(1, 3, 28, 28)
    assert torch.equal(again(images), model.eval()(images))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Stage("gcsa", heds=2), "heds=2 is not an option of mixer='gcsa'; it takes heads"),
        (lambda: Stage("conv", 1, 8, 3, 2), "mixer='conv' takes 1 options, not 2"),
        (lambda: Stage(GCSA(), heads=2), r"options \['heads'\] go with a mixer by name; put them"),
        (lambda: Stage("conv", step="jump"), "step='jump' is not known; use one of filter, mean,"),
        (lambda: Stage("conv", stride=2, step=MeanStep(2)), "stride=2 beside step=MeanStep"),
        (lambda: Stage("conv", depth=1.5), "depth=1.5 is not a whole number; write it as 1"),
        (lambda: Stage("gcsa", heads="2"), "heads='2' is not a whole number"),
        (lambda: Stage("conv", dim=0), "dim=0 is less than 1; give 1 or more"),
        (lambda: Stage("conv", depth=-1), "depth=-1 is less than 0; give 0 or more"),
        (lambda: Stage("conv", mlp_ratio=0), "mlp_ratio=0 is not positive; give 2.0 or 4.0"),
        (lambda: EquivariantViTConfig(in_channels=0), "in_channels=0 is less than 1; give 1"),
        (lambda: EquivariantViTConfig(classes=-1), "classes=-1 is less than 0; give 0 or more"),
        (lambda: MeanStep(0), "stride=0 is not a number of positions; use 1 or more"),
        (
            lambda: EquivariantViTConfig(
                stages=[Stage("conv", 1, 4), Stage("conv", 1, 8, step=MeanStep(2))]
            ),
            r"MeanStep\(.*\) cannot go from dim=4 to 8; use FilterStep, or the same dim",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_table_of_the_module_names_every_mixer():
    for name, kind in MIXERS.items():
        assert f'`"{name}"`' in mixers.__doc__
        assert kind.__name__ in mixers.__doc__


def test_layer_scale_and_stochastic_depth_are_parts_of_every_block():
    stages = [Stage("gcsa", 2, 8), Stage("conv", 1, 8, stride=2)]
    config = EquivariantViTConfig("C4", stages=stages, layer_scale=1e-4, drop_path=0.2)
    model = EquivariantViT(EquivariantViTConfig(**asdict(config)))
    scales = [m for m in model.modules() if isinstance(m, ResidualScale)]
    assert len(scales) == 6
    assert {m.drop_path for m in scales} == {0.2}
    assert all((m.weight == 1e-4).all() for m in scales)
    with pytest.raises(ValueError, match=r"drop_path=-0\.1 is not in \[0, 1\)"):
        EquivariantViTConfig("C4", drop_path=-0.1)
