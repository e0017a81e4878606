"""The papers' recipe: reading it, and one error for each thing that is wrong with it."""

from pathlib import Path

import pytest

from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.sequence_recipe import SequenceRecipe

RECIPES = Path(__file__).parents[3] / "recipes"
OURS = sorted([*RECIPES.glob("recognizer*.toml"), *RECIPES.glob("comparison/recognizer/*.toml")])


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_the_recipes_load(path):
    recipe = load_recipe(SequenceRecipe, path, {"schedule.examples": 7, "data.real": None})
    assert recipe.schedule.examples == 7
    assert recipe.model.vit.stride == 8
    assert recipe.optimizer.ema == 0.99, "what a recipe leaves out is the papers' default"
    assert recipe.schedule.fall == "linear"
    assert recipe.run.keep == "last"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data.real_held_out = 1", r"data\.real_held_out=1 should be greater than or equal to 2"),
        ("data.max_characters = 200", r"data\.max_characters=200 should be less than or equal"),
        ("data.recut = 2.0", r"data\.recut=2\.0 should be less than or equal to 1"),
        ("data.recut = 0.5", r"data\.recut=0\.5 needs a model that sees .* give model\.start"),
        ("losses.noise = 1.0", r"losses\.noise=1\.0 should be less than 1"),
        ("model.decoder = { width = 3 }", "model.decoder.width is not a field; use one of dim"),
        ("model.encoder = { color = 3 }", "give fields of EquivariantViTConfig"),
        ("samples = 3", r"samples is now schedule\.examples"),
        ("warmup = 3", r"warmup is now schedule\.warmup \(a share of the run\)"),
        ("sampels = 3", "sampels is not a field"),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_recipe(SequenceRecipe, path)


def test_one_real_set_needs_no_list(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('data.real = "lines.tar"')
    assert load_recipe(SequenceRecipe, path).data.real == ("lines.tar",)
    assert load_recipe(SequenceRecipe, path, {"data.real": ["a", "a"]}).data.real == ("a", "a")
