"""`isotrope audit`: a table and a verdict for our models and for any torch module."""

import json

import pytest
from safetensors.torch import save_file
from transformers import ViTConfig, ViTModel
from typer.testing import CliRunner

from isotrope import EquivariantViT, EquivariantViTConfig, Stage, cli, symmetrize
from isotrope.models.detector import Detector, DetectorConfig
from isotrope.models.segmenter import Segmenter, SegmenterConfig
from isotrope.ocr.detection.db.model import DBNetConfig
from isotrope.ocr.detection.linenet.model import LineNet, LineNetConfig
from isotrope.ocr.recognition.model import StageConfig

FOREIGN = """
from torch import nn

def cnn():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))

def sized(width):
    return nn.Conv2d(3, width, 3)

def failing():
    raise OSError("no weights\\nat all")

def table():
    return {}
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


def test_the_detector_passes(tmp_path):
    stages = (StageConfig(4, 1), StageConfig(8, 1))
    config = LineNetConfig(trunk=DBNetConfig(stages, 8, 3), dim=4)
    net = LineNet(config)
    entries = {**config.to_dict(), "unit": config.unit}
    (tmp_path / "config.json").write_text(json.dumps(entries))
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    result = audit(tmp_path)
    assert result.exit_code == 0, result.output
    assert "(model).arrow" in result.stdout
    assert "vectors" in result.stdout


@pytest.mark.parametrize("kind", ["segmenter", "detector"])
def test_dense_models_pass(tmp_path, kind):
    backbone = EquivariantViTConfig(
        "D4", stages=[Stage("gcsa", 1, 8), Stage("conv", 1, 8, stride=2)]
    )
    made = {
        "segmenter": lambda: Segmenter(SegmenterConfig(backbone, vectors=True)),
        "detector": lambda: Detector(DetectorConfig(backbone, directed=True)),
    }[kind]()
    made.save_pretrained(tmp_path)
    result = audit(tmp_path, "--group", "D4", "--size", "16x24")
    assert result.exit_code == 0, result.output
    assert "decoder.merges.0" in result.stdout
    assert "vectors" in result.stdout


def test_a_symmetrized_vit_passes(tmp_path):
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ViTConfig(image_size=16, patch_size=4, intermediate_size=16, **sizes)
    symmetrize(ViTModel(config)).save_pretrained(tmp_path)
    result = audit(tmp_path, "--size", "16x24")
    assert result.exit_code == 0, result.output
    assert "SymmetricViT" in result.stdout


def test_a_plain_cnn_gets_its_first_broken_layer(folder):
    result = audit("foreign:cnn")
    assert result.exit_code == 1
    assert "first broken at 0 (Conv2d)" in result.stdout


def test_the_table_says_what_the_report_knows(folder):
    result = audit("foreign:cnn", "--group", "C8", "--size", "16x16")
    line = next(line for line in result.stdout.splitlines() if "Conv2d" in line)
    assert "! " in line
    assert "under a turn by" in line
    assert "; between pixels " in line
    result = audit("ours", "--group", "C4", "--size", "16x24")
    line = next(line for line in result.stdout.splitlines() if "LiftingConv" in line)
    assert "not compared" in line
    assert "lifted to DihedralGroup(4), not CyclicGroup(4)" in line
    assert "audit with DihedralGroup(4)" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere"),
        (["foreign:rnn"], "write module:factory"),
        (["ours", "--group", "Q8"], "'Q8' is not a group"),
        (["ours", "--size", "big"], "write it as 32x64"),
        (["ours", "--size", "15x24"], "breaks equivariance"),
        (["foreign:linear"], "the model refuses 32x64 images: RuntimeError: mat1 and mat2"),
        (["foreign:linear"], "; pass --size"),
        (["foreign:sized"], "missing 1 required positional argument: 'width'); write module:fac"),
        (["foreign:failing"], "cannot be loaded (OSError: no weights at all); write module:"),
        (["nosuch:net"], "(ModuleNotFoundError: No module named 'nosuch'); write module:factory"),
        (["foreign:table"], "foreign:table: returns dict, no torch module; write module:factory"),
    ],
)
def test_what_cannot_be_audited_gets_one_line(folder, arguments, message):
    result = audit(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("isotrope: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", "no tensors", "ours is broken (Error while deserializing header"),
        (
            "config.json",
            '{"group": "C4", "depth": 3}',
            "holds no EquivariantViT, which has no depth",
        ),
        ("config.json", '{"group": "C4"}', "ours is broken (Error(s) in loading"),
        ("config.json", "{", "ours: cannot be loaded (JSONDecodeError: "),
        ("config.json", "3", "ours: cannot be loaded (TypeError: "),
        ("model.safetensors", None, "ours: cannot be loaded (FileNotFoundError: "),
    ],
)
def test_a_broken_folder_gets_one_line(folder, name, content, message):
    path = folder / "ours" / name
    path.unlink() if content is None else path.write_text(content)
    result = audit("ours", "--size", "16x24")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("isotrope: ")
    assert message in result.stderr
    assert "EquivariantViT.save_pretrained" in result.stderr
    assert result.stderr.count("\n") == 1
