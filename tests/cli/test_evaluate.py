"""`isotrope train classifier` and `isotrope eval`: a run end to end, and errors in one line."""

import numpy as np
import pytest
from typer.testing import CliRunner

from isotrope import cli

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

RECIPE = """
data.batch_size = 16
schedule.epochs = 1
run.precision = "32-true"
[model]
patch = [4, 4, 0]
stages = [{ mixer = "gcsa", depth = 1, dim = 8, heads = 1 }]
"""


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for split in ("train", "valid", "test"):
        images = rng.integers(0, 256, (32, 8, 8), dtype=np.uint8)
        np.savez(tmp_path / "data" / f"{split}.npz", images=images, labels=np.arange(32) % 2)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def train(folder, *more):
    common = ("--config", folder / "recipe.toml", "--data", folder / "data")
    return run("train", "classifier", *common, "--out", folder / "run", *more)


def test_a_classifier_is_trained_and_evaluated(folder):
    result = train(folder)
    assert result.exit_code == 0, result.output
    assert "of 32 validation images right" in result.stdout
    assert {file.name for file in (folder / "run").iterdir()} == {
        "checkpoint.pt",
        "log.csv",
        "model",
    }
    model = ("--model", folder / "run" / "model")
    result = run("eval", *model, "--data", folder / "data", "--split", "valid", "--turns")
    assert result.exit_code == 0, result.output
    first, *turns = result.stdout.splitlines()
    assert first == "32 images of valid, 10 classes"
    assert len({line.split("degrees: ")[1].split("%")[0] for line in turns}) == 1, "C4 is exact"
    assert "270 degrees" in turns[3]
    assert "logits differ by" in turns[3]
    result = run("eval", *model, "--data", folder / "data", "--every", 120, "--average", 2)
    assert [line.split(" degrees")[0].strip() for line in result.stdout.splitlines()[1:]] == [
        "0",
        "120",
        "240",
    ]
    once = run("eval", *model, "--data", folder / "data")
    assert len(once.stdout.splitlines()) == 2


def test_a_run_of_another_recipe_is_not_gone_on_with(folder):
    train(folder)
    result = train(folder, "--set", "run.seed=2")
    assert result.exit_code == 1
    assert "of another recipe or other data: run.seed was 0 and is 2; give" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_recipe_is_one_line(folder):
    (folder / "recipe.toml").unlink()
    result = train(folder)
    assert result.stderr.endswith("recipe.toml: no such file or folder; check --config\n")
    assert result.exit_code == 1


def test_missing_data_says_where_to_get_it(folder):
    (folder / "data").rename(folder / "elsewhere")
    result = train(folder)
    assert result.exit_code == 1
    assert "github.com/basveeling/pcam" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "none", "--data", "data"), "none: no such folder; check --model"),
        (("--model", "data", "--data", "data"), "has no preprocessing.json"),
        (("--model", "run/model", "--data", "data", "--split", "dev"), "split='dev'"),
    ],
)
def test_eval_says_what_is_wrong(folder, monkeypatch, arguments, message):
    train(folder)
    monkeypatch.chdir(folder)
    result = run("eval", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
