"""`isotrope train recognizer`: what it says of a recipe that it cannot follow."""

import pytest
from typer.testing import CliRunner

from isotrope import cli

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (None, "no such file or folder; check --config"),
        ("schedule.examples = 0", "schedule.examples=0"),
        ("samples = 3", "samples is now schedule.examples"),
    ],
)
def test_a_faulty_recipe_gets_one_line(tmp_path, recipe, message):
    path = tmp_path / "recipe.toml"
    if recipe:
        path.write_text(recipe)
    arguments = ["train", "recognizer", "--config", str(path), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_broken_checkpoint_is_named(tmp_path, content):
    recipe, run = tmp_path / "recipe.toml", tmp_path / "run"
    run.mkdir()
    (run / "checkpoint.pt").write_bytes(content)
    recipe.write_text("schedule.examples = 1")
    arguments = ["train", "recognizer", "--config", str(recipe), "--out", str(run)]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 1
    assert "checkpoint.pt" in result.stderr
    assert result.stderr.count("\n") == 1
