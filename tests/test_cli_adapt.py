"""`isotrope adapt` and `isotrope read --adapter`: end to end, and errors in one line."""

import pytest
import torch
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from isotrope import cli
from isotrope.models.recognizer import Recognizer
from isotrope.models.vit import EquivariantViTConfig, Stage

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")


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


def test_an_adapter_is_made_and_read_with(folder):
    result = adapt(folder)
    assert result.exit_code == 0, result.output
    assert "parameters, " in result.stdout
    assert "CER " in result.stdout
    assert "1 held-out lines" in result.stdout
    assert {file.name for file in (folder / "mine").iterdir()} == {
        *("adapter_config.json", "adapter_model.safetensors", "base.json"),
        *("README.md", "checkpoint.pt", "log.csv"),
    }
    where = ("--weights", folder / "base", "--adapter", folder / "mine", "--runtime", "torch")
    result = run("read", folder / "lines" / "1.png", *where)
    assert result.exit_code == 0, result.output
    again = adapt(folder)  # has ended: nothing is trained, the same is told
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--target", "heads"), "target 'heads' is not known"),
        (("--rank", 0), "rank=0 must be 1 or more"),
        (("--data", "nowhere"), "nowhere does not exist; give a folder or a tar"),
    ],
)
def test_an_error_is_one_line(folder, more, message):
    result = adapt(folder, *more)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output
