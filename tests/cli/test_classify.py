"""`isotrope classify`, with a model of random weights."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from isotrope import EquivariantViT, EquivariantViTConfig, Stage, cli
from isotrope.training.evaluation import Preprocessing

CLASSES = ("co\tpepod", "krill", "salp")


def save_model(folder, channels=3, **sizes):
    torch.manual_seed(0)
    stages = [Stage("gcsa", depth=1, dim=8, heads=1)]
    config = EquivariantViTConfig(
        in_channels=channels, patch=(4, 4, 0), stages=stages, classes=len(CLASSES)
    )
    EquivariantViT(config).save_pretrained(folder)
    Preprocessing((0.5,) * channels, (0.1,) * channels, CLASSES, **sizes).save(folder)
    return folder


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(5):
        pixels = rng.integers(0, 256, (9 + number, 14, 3), dtype=np.uint8)
        path = tmp_path / "images" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "images"


def classify(*arguments, **options):
    return CliRunner().invoke(cli.app, ["classify", *map(str, arguments)], **options)


def test_a_bad_file_is_a_line_and_the_others_are_classified(images, tmp_path):
    model = save_model(tmp_path / "model", fit=8)
    (images / "2.png").write_text("no image")
    result = classify(images, tmp_path / "none.png", "--model", model, "--format", "tsv")
    assert result.exit_code == 1
    missing, broken = result.stderr.splitlines()
    assert missing.startswith(f"isotrope: {tmp_path / 'none.png'}: ")
    assert broken.startswith(f"isotrope: {images / '2.png'}: ")
    head, *rows = (line.split("\t") for line in result.stdout.splitlines())
    assert head == ["file", "class", r"co\tpepod", "krill", "salp"]
    assert [row[0] for row in rows] == [str(images / f"{n}.png") for n in (0, 1, 3, 4)]
    for _, name, *shares in rows:
        assert sum(map(float, shares)) == pytest.approx(1, abs=2e-4)
        assert name == head[2 + int(np.argmax([float(share) for share in shares]))]


@pytest.mark.parametrize("sizes", [{"fit": 8}, {"crop": 8}])
def test_a_turned_image_has_the_same_class_and_probabilities(images, tmp_path, sizes):
    model = save_model(tmp_path / "model", **sizes)
    upright = json.loads(classify(images, "--model", model, "--format", "json").stdout)
    assert len({tuple(each["probabilities"].values()) for each in upright}) > 1
    for path in images.iterdir():
        with Image.open(path) as image:
            image.transpose(Image.Transpose.ROTATE_90).save(path)
    turned = json.loads(classify(images, "--model", model, "--format", "json").stdout)
    for one, other in zip(upright, turned, strict=True):
        assert one["class"] == other["class"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=2e-4)


def test_gray_images_and_standard_input(tmp_path):
    model = save_model(tmp_path / "model", channels=1)
    Image.new("L", (12, 8), 30).save(tmp_path / "a.png")
    result = classify(tmp_path / "a.png", "-", "--model", model, input=b"")
    assert result.stdout.startswith(f"{tmp_path / 'a.png'}\t")
    assert result.stderr.startswith("isotrope: -: nothing on standard input")
    piped = classify("-", "--model", model, input=(tmp_path / "a.png").read_bytes())
    assert piped.stdout.split("\t")[1:] == result.stdout.split("\t")[1:]


def test_an_image_of_another_size_than_the_training_images_is_named(tmp_path):
    """A model without fit or crop would take it, and might take minutes for it."""
    model = save_model(tmp_path / "model", size=(8, 12))
    for width, height in ((12, 8), (8, 12), (24, 16)):
        Image.new("L", (width, height), 30).save(tmp_path / f"{width}.png")
    result = classify(*(tmp_path / f"{width}.png" for width in (12, 8, 24)), "--model", model)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == (
        f"isotrope: {tmp_path / '24.png'}: has 24x16 px, and the model was trained on images of "
        "12x8; resize it, or train with data.fit\n"
    )


def test_an_image_whose_size_breaks_the_symmetry_is_named(tmp_path):
    """A model that does not say on what it was trained: 13 is no multiple of its patch."""
    model = save_model(tmp_path / "model")
    for width in (12, 13):
        Image.new("L", (width, 8), 30).save(tmp_path / f"{width}.png")
    result = classify(tmp_path / "12.png", tmp_path / "13.png", "--model", model)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{tmp_path / '12.png'}\t")
    assert result.stderr.startswith(f"isotrope: {tmp_path / '13.png'}: ")
    assert result.stderr.count("\n") == 1


def test_what_is_no_classifier_is_one_line(images, tmp_path):
    result = classify(images, "--model", tmp_path / "none")
    assert result.stderr == f"isotrope: {tmp_path / 'none'}: no such folder; check --model\n"
    result = classify(images, "--model", images)
    assert "has no preprocessing.json" in result.stderr
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    result = classify("", "--model", images)
    assert result.stderr.startswith("isotrope: one of the arguments is empty; give it a value")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
