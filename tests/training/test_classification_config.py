"""Recipes of classifiers: reading them, their errors, their learning rate."""

from dataclasses import asdict
from pathlib import Path

import pytest

from isotrope.models.vit import EquivariantViT
from isotrope.training.classification_config import ClassificationConfig

RECIPES = Path(__file__).parents[2] / "recipes"


def parameters(config, channels, classes):
    return sum(p.numel() for p in EquivariantViT(config.vit(channels, classes)).parameters())


def test_the_shipped_recipe_is_small_and_exact():
    config = ClassificationConfig.from_toml(RECIPES / "rotmnist-gcsa-c4.toml", epochs=7, seed=None)
    assert config.epochs == 7
    assert config.model["group"] == "C4"
    blocks = {s.mixer.name for s in config.vit(1, 10).stages if s.depth}
    assert blocks == {"plain", "gcsa"}  # no other attention
    assert parameters(config, 1, 10) < 100_000


@pytest.mark.parametrize(
    ("name", "channels", "classes"), [("rotmnist", 1, 10), ("histology", 3, 3)]
)
def test_rows_that_are_compared_have_one_schedule_and_as_many_parameters(name, channels, classes):
    paths = [p for p in (RECIPES / "comparison" / name).glob("*.toml") if p.name != "base.toml"]
    configs = [ClassificationConfig.from_toml(path) for path in paths]
    assert len(configs) == 9
    assert len({str(asdict(config) | {"model": None}) for config in configs}) == 1
    counts = {
        path.name: parameters(config, channels, classes)
        for path, config in zip(paths, configs, strict=True)
    }
    assert max(counts.values()) < 1.1 * min(counts.values())
    for path in paths:
        assert f"{counts[path.name]:,} parameters" in path.read_text()


def test_a_preset_takes_channels_and_classes_from_the_data():
    vit = ClassificationConfig(model={"preset": "cnn", "size": 96, "group": "D4"}).vit(3, 2)
    assert (vit.group, vit.in_channels, vit.classes) == ("D4", 3, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = ", "is not TOML"),
        ("epoch = 3", "epoch is not a field of a recipe; use model, start"),
        ("epochs = 0", "epochs=0 must be 1 or more"),
        ("epochs = 2.5", r"epochs=2\.5 is not a whole number"),
        ('learning_rate = "high"', "learning_rate='high' is not a number"),
        ("learning_rate = 0", "learning_rate=0"),
        ("warmup = 30", "warmup=30.* below epochs=30"),
        ("ema = 1.0", r"ema=1\.0 must be 0 or more and below 1"),
        ("train_samples = 0", "train_samples=0 must be 1 or more"),
        (
            'augment = "flips"',
            "augment='flips' is not known; use one of none, turns, angles, affine, ",
        ),
        ("model = { in_channels = 3 }", "model has in_channels, which the data says"),
        ("model = { colour = 3 }", "give preset, size and group, or fields"),
        ('model = { preset = "resnet", size = 28 }', "name='resnet' is not a preset"),
        ('model = { preset = "vit" }', "give preset, size and group"),
        ("model = 5", "model=5 is not a table"),
        ("model = { stages = [5] }", "give preset, size and group, or fields"),
        ('model = { stages = [{ dim = "wide" }] }', "dim='wide' is not a whole number"),
        ("start = 5", "start=5 is not a folder's name"),
        ('precision = "bf16-true"', "precision='bf16-true' is not known; use one of 32-true, "),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        ClassificationConfig.from_toml(path)


def test_a_missing_recipe_names_an_example(tmp_path):
    with pytest.raises(ValueError, match=r"recipes/rotmnist-gcsa-c4\.toml"):
        ClassificationConfig.from_toml(tmp_path / "none.toml")


def test_the_learning_rate_rises_and_falls_to_zero_as_a_cosine():
    config = ClassificationConfig(epochs=10, warmup=2, learning_rate=2.0)
    rates = [config.learning_rate_at(step, 10) for step in range(101)]
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[20] == pytest.approx(2.0)
    assert rates[60] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.0)
