"""`isotrope audit`: a table and a verdict for our models and for any torch module."""

import pytest
from typer.testing import CliRunner

from isotrope import EquivariantViT, EquivariantViTConfig, Stage, cli

FOREIGN = """
from torch import nn

def cnn():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # the command adds it too; this takes it away again
    (tmp_path / "foreign.py").write_text(FOREIGN)
    config = EquivariantViTConfig(group="D4", stages=[Stage("gcsa", depth=1, dim=8)], classes=3)
    EquivariantViT(config).save_pretrained(tmp_path / "ours")
    return tmp_path


def audit(*arguments):
    return CliRunner().invoke(cli.app, ["audit", *map(str, arguments)])


@pytest.mark.parametrize("group", ["C4", "D4"])
def test_our_model_passes(folder, group):
    result = audit(folder / "ours", "--group", group, "--size", "16x24")
    assert result.exit_code == 0, result.output
    assert "equivariant to" in result.stdout
    assert "stages.0.0.mixer" in result.stdout


def test_a_plain_cnn_gets_its_first_broken_layer(folder):
    result = audit("foreign:cnn")
    assert result.exit_code == 1
    assert "first broken at 0 (Conv2d)" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere"),
        (["foreign:rnn"], "write module:factory"),
        (["ours", "--group", "Q8"], "'Q8' is not a group"),
        (["ours", "--size", "big"], "write it as 32x64"),
        (["ours", "--size", "15x24"], "breaks equivariance"),
    ],
)
def test_what_cannot_be_audited_gets_one_line(folder, arguments, message):
    result = audit(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("isotrope: ")
    assert result.stderr.count("\n") == 1
