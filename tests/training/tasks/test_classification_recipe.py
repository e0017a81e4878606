"""Recipes of classifiers: the shipped ones, and what is said of a faulty one."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.models.vit import EquivariantViT
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.classification_recipe import ClassificationRecipe

RECIPES = Path(__file__).parents[3] / "recipes"


def load(path, **changes) -> ClassificationRecipe:
    return load_recipe(ClassificationRecipe, path, changes)


def parameters(recipe, channels, classes):
    return sum(p.numel() for p in EquivariantViT(recipe.model.vit(channels, classes)).parameters())


def test_the_shipped_recipe_is_small_and_exact():
    recipe = load(RECIPES / "rotmnist-gcsa-c4.toml")
    assert recipe.model.model_extra["group"] == "C4"
    blocks = {s.mixer.name for s in recipe.model.vit(1, 10).stages if s.depth}
    assert blocks == {"plain", "gcsa"}  # no other attention
    assert parameters(recipe, 1, 10) < 100_000
    assert recipe.run.keep == "last"
    assert recipe.schedule.warmup * 60 == pytest.approx(1, rel=0.01)


def test_a_recipe_adds_to_its_base_group_by_group():
    recipe = load(RECIPES / "rotmnist-cnn-c16.toml")
    assert recipe.data.augment == "elastic"  # of the base
    assert (recipe.data.settle, recipe.optimizer.weight_decay) == (40, 0.3)  # its own


@pytest.mark.parametrize(
    ("name", "channels", "classes"), [("rotmnist", 1, 10), ("histology", 3, 3)]
)
def test_rows_that_are_compared_have_one_schedule_and_as_many_parameters(name, channels, classes):
    paths = [p for p in (RECIPES / "comparison" / name).glob("*.toml") if p.name != "base.toml"]
    recipes = [load(path) for path in paths]
    assert len(recipes) == 9
    assert len({str(recipe.model_dump(exclude={"model"})) for recipe in recipes}) == 1
    counts = {
        path.name: parameters(recipe, channels, classes)
        for path, recipe in zip(paths, recipes, strict=True)
    }
    assert max(counts.values()) < 1.1 * min(counts.values())
    for path in paths:
        assert f"{counts[path.name]:,} parameters" in path.read_text()


def test_plankton_rows_differ_in_the_model_and_in_turning_alone():
    folder = RECIPES / "comparison" / "plankton"
    recipes = {p.stem: load(p) for p in folder.glob("*.toml") if p.name != "base.toml"}
    assert len(recipes) == 14
    for name, recipe in recipes.items():
        assert recipe.data.augment == ("none" if name.endswith("-unturned") else "affine")
        untold = {"model": True, "data": {"augment"}}
        assert recipe.model_dump(exclude=untold) == recipes["vit"].model_dump(exclude=untold)
        count = parameters(recipe, 3, 82)
        assert 60_000 < count < 67_000
        assert f"{count:,} parameters" in (folder / f"{name}.toml").read_text()


def test_a_preset_takes_channels_and_classes_from_the_data():
    given = {"model": {"preset": "cnn", "size": 96, "group": "D4"}}
    vit = ClassificationRecipe.model_validate(given).model.vit(3, 2)
    assert (vit.group, vit.in_channels, vit.classes) == ("D4", 3, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schedule.epochs = ", "is not TOML"),
        ("schedule.epoch = 3", r"schedule\.epoch is not a field; use one of examples, epochs, "),
        ("epoch = 3", "epoch is not a field; use one of optimizer, schedule, run, data, model"),
        ("schedule.epochs = 0", r"schedule\.epochs=0 should be greater than 0; change it"),
        ("schedule.warmup = 0.1", "schedule: a run needs an end; give examples, epochs or minutes"),
        ("data.batch_size = 2.5", r"data\.batch_size=2\.5 should be a valid integer"),
        ('optimizer.learning_rate = "high"', r"optimizer\.learning_rate='high' should be a valid"),
        ("optimizer.learning_rate = inf", r"optimizer\.learning_rate=inf should be a finite"),
        ("optimizer.ema = 1.0", r"optimizer\.ema=1\.0 should be less than 1"),
        ("data.warp = -1", r"data\.warp=-1 should be greater than or equal to 0"),
        ('data.augment = "flips"', r"data\.augment='flips' should be 'none', 'turns', 'angles', "),
        ('run.keep = "lowest"', r"run\.keep='lowest' should be 'best' or 'last'"),
        ("model.in_channels = 3", "model: in_channels: the data says that; leave it out"),
        ("model.color = 3", "model: .*color.*; give preset, size and group, or fields"),
        ('model = { preset = "resnet", size = 28 }', "name='resnet' is not a preset"),
        ('model.preset = "vit"', "give preset, size and group"),
        ("data.recolor = true", "recolor=true is for photographs in files; give crop"),
        ("data.crop = 8\ndata.fit = 8", "crop=8 and fit=8; give one of them"),
        ("losses.binary = true\nlosses.label_smoothing = 0.1", "label_smoothing=0.1 is not for"),
        ('run.strategy = "zero"', r"run\.strategy='zero' should be 'ddp' or 'fsdp'"),
        ("run.accumulate = 0", r"run\.accumulate=0 should be greater than 0"),
        ("run.devices = 0", r"run\.devices=0 should be greater than 0, or should be 'auto'; ch"),
        ('run.precision = "bf16"', r"precision='bf16' should be .* '64-true', or should be 'auto'"),
        ("model.patch = [4, 2]", r"model: patch=\[4, 2\] has 2 values; give three: kernel_size, "),
        ("model = 5", "model=5 should be a valid dictionary"),
        ("model.stages = [5]", "give preset, size and group, or fields"),
        ("model.start = 5", r"model\.start=5 should be a valid string"),
        (
            "data.settle = 2\nschedule.minutes = 1",
            r"data\.settle=2 counts .* schedule\.epochs",
        ),
        ('run.precision = "bf16-true"', r"run\.precision='bf16-true' should be '32-true', "),
        (
            "epochs = 60\nwarmup = 1",
            r"old, flat form: epochs is now schedule\.epochs, warmup is now schedule\.warmup \(a",
        ),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong_in_one_line(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_imagenet_recipes_differ_in_their_models_alone_and_say_their_size():
    paths = [p for p in RECIPES.glob("imagenet-*.toml") if p.name != "imagenet-base.toml"]
    recipes = [load(path) for path in paths]
    assert len(recipes) == 7
    assert len({str(recipe.model_dump(exclude={"model"})) for recipe in recipes}) == 1
    assert recipes[0].losses.binary
    assert recipes[0].data.batch_size * 8 == 2048
    for path, recipe in zip(paths, recipes, strict=True):
        vit = recipe.model.vit(3, 1000)
        assert vit.patch == (16, 16, 0)
        assert recipe.data.crop % vit.unit == 0
        with torch.device("meta"):
            count = sum(p.numel() for p in EquivariantViT(vit).parameters())
        assert f"{count:,} parameters" in path.read_text()
