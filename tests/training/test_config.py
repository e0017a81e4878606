"""Recipes: reading them, their errors, their learning rate."""

from pathlib import Path

import pytest

from isotrope.training.config import RecognitionConfig

RECIPE = Path(__file__).parents[2] / "recipes" / "recognizer.toml"


def test_the_shipped_recipe_is_read_and_changed():
    config = RecognitionConfig.from_toml(RECIPE, samples=7, real=None)
    assert config.samples == 7
    assert config.vit.group == "C4"
    assert config.vit.stride == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("samples = ", "is not TOML"),
        ("sampels = 3", "sampels is not a field of a recipe; use encoder, decoder"),
        ("samples = 0", "samples=0"),
        ('samples = "many"', "samples='many' is not a number"),
        ("warmup = 0", "warmup=0"),
        ("decoder = { width = 3 }", "decoder has no width"),
        ("real_held_out = 1", "real_held_out=1, .* must be 2 or more"),
        ("real = 3", "real=3 is not a list of paths"),
        ("noise = 1.0", "noise=1.0, recut=0.0: the first must be 0 or more and below 1"),
        ("recut = 2.0", "recut=2.0: .* the second between 0 and 1"),
        ("recut = 0.5", "recut=0.5 needs a model that sees the spaces; give start"),
        ("max_characters = 200", "max_characters=200: .* from 4 to 126"),
        ("encoder = { colour = 3 }", "give fields of EquivariantViTConfig"),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        RecognitionConfig.from_toml(path)


def test_one_real_set_needs_no_list(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('real = "lines.tar"')
    assert RecognitionConfig.from_toml(path).real == ["lines.tar"]
    assert RecognitionConfig.from_toml(path, real=["a", "a"]).real == ["a", "a"]


def test_a_missing_recipe_names_an_example(tmp_path):
    with pytest.raises(ValueError, match=r"recipes/recognizer\.toml"):
        RecognitionConfig.from_toml(tmp_path / "none.toml")


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    config = RecognitionConfig(samples=1000, warmup=100, cooldown=0.4, learning_rate=2.0)
    assert config.learning_rate_at(49) == pytest.approx(1.0)
    assert config.learning_rate_at(300) == config.learning_rate_at(600) == 2.0
    assert config.learning_rate_at(800) == pytest.approx(1.0)
    assert config.learning_rate_at(1000) == 0.0
