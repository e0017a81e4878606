"""Recipes that add to another: what they take over, and what is wrong with one is said."""

from dataclasses import dataclass

import pytest

from isotrope.training.recipe_file import read_recipe


@dataclass
class Config:
    width: int = 1
    depth: int = 2
    name: str = ""


def read(path, **changes):
    return read_recipe(Config, path, "recipes/x.toml", changes)


def test_a_recipe_adds_to_its_base_and_changes_to_both(tmp_path):
    (tmp_path / "all.toml").write_text("width = 3\ndepth = 4")
    (tmp_path / "own.toml").write_text('base = "all.toml"\ndepth = 5\nname = "own"')
    assert read(tmp_path / "own.toml") == Config(3, 5, "own")
    assert read(tmp_path / "own.toml", width=7, depth=None) == Config(7, 5, "own")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "none.toml"', r"none\.toml is not a file; give a recipe such as recipes/x\.toml"),
        ('base = "own.toml"', r"own\.toml is a base of itself"),
        ("base = 3", "base=3 is not the name of a recipe"),
        ("height = 3", "height is not a field of a recipe; use width"),
    ],
)
def test_a_faulty_base_is_named(tmp_path, text, message):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "own.toml")
