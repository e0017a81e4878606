"""Recipes: groups of fields, bases, single fields replaced, and errors that name the remedy."""

from pathlib import Path

import pytest

from isotrope.training.recipe import Fields, Recipe
from isotrope.training.recipe_file import load_recipe, parse_changes
from isotrope.training.tasks.orientation_recipe import OrientationRecipe
from isotrope.training.tasks.recognition_recipe import RecognitionRecipe

RECIPES = Path(__file__).parents[2] / "recipes"


class Anything(Fields, extra="allow", frozen=True):
    """A group that takes any field, as models do."""


class Loose(Recipe, frozen=True):
    """A recipe of such a model."""

    model: Anything = Anything()


def test_a_recipe_adds_to_its_base_and_changes_to_both(tmp_path):
    (tmp_path / "all.toml").write_text("run.seed = 3\nschedule.epochs = 4\nschedule.warmup = 0.1")
    (tmp_path / "own.toml").write_text('base = "all.toml"\nschedule.epochs = 5')
    recipe = load_recipe(Recipe, tmp_path / "own.toml", {"run.workers": 7, "run.seed": None})
    assert (recipe.run.seed, recipe.run.workers) == (3, 7)
    assert (recipe.schedule.epochs, recipe.schedule.warmup) == (5, 0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "none.toml"', r"none\.toml is not a file; give a recipe such as recipes/x\.toml"),
        ('base = "own.toml"', r"own\.toml is a base of itself"),
        ("base = 3", "base=3 is not the name of a recipe"),
        ("height = 3", "height is not a field; use one of optimizer, schedule, run"),
        ("epochs = 3", "epochs is not a field; use schedule.epochs"),
        ("run.epochs = 3", "run.epochs is not a field; use schedule.epochs"),
        ("\xff", "is not TOML"),
    ],
)
def test_a_faulty_file_is_named(tmp_path, text, message):
    (tmp_path / "own.toml").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=message):
        load_recipe(Recipe, tmp_path / "own.toml", example="recipes/x.toml")


def test_any_field_may_be_replaced_by_its_dotted_name():
    changes = ["schedule.minutes=30", "data.source.1.share=0.5", "model.start=runs/x", "run.seed=3"]
    recipe = load_recipe(RecognitionRecipe, RECIPES / "reader-small.toml", parse_changes(changes))
    assert recipe.schedule.minutes == 30
    assert recipe.data.source[1].share == 0.5
    assert recipe.data.source[1].name == "fraktur"
    assert recipe.model.start == "runs/x"
    assert (recipe.run.seed, recipe.run.validate_minutes) == (3, 30)


@pytest.mark.parametrize(
    ("text", "value"), [(".3", 0.3), ("-2.", -2.0), ("01", "01"), (".", "."), ("a.1", "a.1")]
)
def test_numbers_may_begin_or_end_with_a_point(text, value):
    recipe = load_recipe(Loose, None, {"model.x": text})
    assert recipe.model.model_extra == {"x": value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("run.seed", "--set run.seed has no value; write --set run.seed=VALUE"),
        ("run.sed=1", r"run\.sed is not a field; use one of precision, devices, workers, "),
        ("data.source.0.nam=1", r"data\.source\.0\.nam is not a field; use one of name, path, "),
        ("data.source.99.share=1", r"data\.source\.99\.share: there is no 99 in it"),
        ("rendered=0.1", r"rendered is now data\.rendered; rename"),
        ("run.minutes=10", r"run\.minutes is now schedule\.minutes; rename"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        load_recipe(RecognitionRecipe, RECIPES / "reader-small.toml", parse_changes([change]))


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (
            RecognitionRecipe,
            "keep = 2.0\n[run]\nminutes = 180\nema = 0.999",
            r"keep is now losses\.keep, run\.minutes is now schedule\.minutes, run\.ema is now opt",
        ),
        (
            OrientationRecipe,
            "slant_weight = 2.0",
            r"slant_weight is now losses\.slant; rename them",
        ),
    ],
)
def test_the_old_flat_form_is_told_where_each_field_belongs(tmp_path, kind, text, message):
    (tmp_path / "old.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_recipe(kind, tmp_path / "old.toml")


def test_what_may_change_is_no_part_of_a_recipe_s_identity():
    recipe = Recipe.model_validate({"schedule": {"minutes": 3}, "run": {"seed": 4}})
    identity = recipe.identity()
    assert identity["run.seed"] == 4
    assert not any(name.startswith("schedule.") for name in identity)
    assert "optimizer.learning_rate" not in identity
    assert identity["optimizer.betas"] == [0.9, 0.99]
