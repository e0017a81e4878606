"""`isotrope adapt` and `isotrope read --adapter`: end to end, and errors in one line."""

import shutil

import pytest
import torch
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from isotrope import cli
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr import loading
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.store import save_model

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.training import adaptation
from isotrope.training.tasks.adaptation_recipe import LineAdaptationRecipe
from isotrope.training.tasks.bases import recipe_kind
from isotrope.training.tasks.sequence_adaptation_recipe import SequenceAdaptationRecipe
from isotrope.training.tasks.trocr_recipe import TrOCRAdaptationRecipe


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    stages = [Stage("gsa", 1, 16, 2, "rotary")]
    vit = EquivariantViTConfig("C4", patch=(8, 8, 0), stages=stages)
    Recognizer.from_config(vit, dim=16, layers=1, heads=2, max_characters=8).save_pretrained(
        tmp_path / "base"
    )
    lines = tmp_path / "lines"
    lines.mkdir()
    for number in range(10):
        image = Image.new("L", (60, 30), 230)
        ImageDraw.Draw(image).text((4, 8), str(number) * 3, fill=20)
        image.save(lines / f"{number}.png")
    rows = "".join(f"{number}.png\t{str(number) * 3}\n" for number in range(10))
    (lines / "labels.tsv").write_text(rows)
    return tmp_path


def adapt(folder, *more):
    where = ("--data", folder / "lines", "--out", folder / "mine", "--base", folder / "base")
    return run("adapt", *where, "--epochs", 1, "--rank", 2, *more)


def assert_made(folder):
    """An adapter is made of the folder's base and lines, its numbers told and its files written."""
    result = adapt(folder)
    assert result.exit_code == 0, result.output
    assert "parameters, " in result.stdout
    assert "CER " in result.stdout
    assert "1 held-out lines" in result.stdout
    assert {file.name for file in (folder / "mine").iterdir()} - {"curve.png"} == {
        *("adapter_config.json", "adapter_model.safetensors", "base.json"),
        *("README.md", "checkpoint.pt", "log.csv", "report.html"),
    }


def test_an_adapter_is_made_and_read_with(folder):
    assert_made(folder)
    where = ("--weights", folder / "base", "--adapter", folder / "mine", "--runtime", "torch")
    where += ("--engine", "gsanet")
    result = run("read", "--crops", folder / "lines" / "1.png", *where)
    assert result.exit_code == 0, result.output
    again = adapt(folder)  # has ended: nothing is trained, the same is told
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("more", "start"),
    [
        ((), "auto"),
        (("--start", "none"), "none"),
        (("--config", "recipe.toml"), None),
        (("--set", "adapter.start=none"), "none"),
    ],
)
def test_without_a_recipe_it_starts_from_what_reads_best(folder, monkeypatch, more, start):
    def stop(recipe, *others):
        raise ValueError(f"starts from {recipe.adapter.start}")

    monkeypatch.setattr(adaptation, "Adaptation", stop)
    monkeypatch.chdir(folder)
    (folder / "recipe.toml").write_text("")
    assert f"starts from {start}" in adapt(folder, *more).stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--set", "adapter.targets=heads"), "target 'heads' is not known"),
        (("--rank", 0), "adapter.rank=0 should be greater than 0"),
        (("--base", "large"), "large: no such folder; check --base"),
        (("--data", "nowhere"), "nowhere: no such file or folder; check --data"),
    ],
)
def test_an_error_is_one_line(folder, more, message):
    result = adapt(folder, *more)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.fixture
def back(folder):
    """In the base's place a tiny recognizer of upright lines."""
    torch.manual_seed(0)
    stages = (StageConfig(8, 1), StageConfig(8, 1), StageConfig(16, 1))
    model = LineRecognizer(LineRecognizerConfig("0123456789", "plain", stages, "conv", 8))
    shutil.rmtree(folder / "base")
    save_model(model, folder / "base")
    return folder


def test_a_line_recognizer_is_adapted_and_read_with(back):
    assert_made(back)
    where = ("--weights", back / "base", "--adapter", back / "mine", "--finder", "orbit")
    result = run("read", "--crops", back / "lines" / "1.png", *where)
    assert result.exit_code == 0, result.output
    again = adapt(back)
    assert again.exit_code == 0, again.output
    result = adapt(back, "--valid", back / "none")
    assert result.exit_code == 1
    assert "--valid" in result.stderr
    result = adapt(back, "--set", "adapter.full=true")
    assert result.exit_code == 1
    assert "adapter.full is not a field; use one of targets" in result.stderr


def test_a_recipe_and_single_fields_say_how(back, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("adapter.rank = 3\nadapter.targets = 'mlp'\nrun.workers = 0")
    where = ("--data", back / "lines", "--out", back / "mine", "--base", back / "base")
    result = run("adapt", *where, "--config", recipe, "--rank", 4, "--set", "schedule.epochs=1")
    assert result.exit_code == 0, result.output
    assert "acts on | mlp; rank 4" in (back / "mine" / "README.md").read_text()
    result = run("adapt", *where, "--config", recipe, "--set", "adapter.rnak=2")
    assert result.exit_code == 1
    assert "adapter.rnak is not a field; use one of targets, rank" in result.stderr


def test_the_base_decides_how(back, trocr, monkeypatch):
    monkeypatch.setattr(loading, "SHIPPED", back)
    assert recipe_kind(None) is SequenceAdaptationRecipe  # there is no small model
    (back / "base").rename(back / "small")
    assert recipe_kind(None) is LineAdaptationRecipe
    assert recipe_kind(trocr()) is TrOCRAdaptationRecipe


def test_a_published_trocr_is_adapted_and_read_with(folder, trocr, tmp_path):
    shutil.rmtree(folder / "base")
    (folder / "base").symlink_to(trocr())
    more = ("--set", "data.batch=2", "--set", "run.precision=32-true", "--set", "run.workers=0")
    result = adapt(folder, *more)
    assert result.exit_code == 0, result.output
    assert "1 held-out lines" in result.stdout
    card = (folder / "mine" / "README.md").read_text()
    assert "A LoRA adapter of a published TrOCR" in card
    assert f"--engine trocr --weights {folder / 'base'} --adapter mine" in card
    where = ("--weights", folder / "base", "--adapter", folder / "mine", "--finder", "orbit")
    result = run("read", "--crops", folder / "lines" / "1.png", "--turns", *where)
    assert result.exit_code == 0, result.output
    result = adapt(folder, "--set", "adapter.full=true")
    assert "adapter.full is not a field; use one of targets" in result.stderr
