"""`isotrope segment` and `isotrope detect`, with models of random weights."""

import errno
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from isotrope import EquivariantViTConfig, Stage, cli
from isotrope.models.boxes import Finding
from isotrope.models.detector import Detector, DetectorConfig
from isotrope.models.instances import Watershed
from isotrope.models.segmenter import Segmenter, SegmenterConfig

pytest.importorskip("skimage", reason="watersheds are scikit-image's")
BACKBONE = EquivariantViTConfig("D4", patch=(4, 2, 1), stages=[Stage("plain", depth=1, dim=4)])


@pytest.fixture
def images(tmp_path):
    """Bright discs in noise: two images of 8 bits and one of 16."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :30]
    folder = tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "more/c.png")):
        disc = (y - 8) ** 2 + (x - 9 - 3 * number) ** 2 < 30
        pixels = (40 + 120 * disc + rng.integers(0, 30, disc.shape)).astype(np.uint8)
        Image.fromarray(pixels if number < 2 else np.uint16(pixels)).save(folder / name)
    return folder


@pytest.fixture
def segmenter(tmp_path):
    torch.manual_seed(1)
    how = Watershed(rise=0.01, smallest=1)
    Segmenter(SegmenterConfig(BACKBONE, watershed=how)).save_pretrained(tmp_path / "segmenter")
    return tmp_path / "segmenter"


@pytest.fixture
def detector(tmp_path):
    torch.manual_seed(1)
    how = Finding(threshold=0.01, sure=0.01)
    Detector(DetectorConfig(BACKBONE, finding=how)).save_pretrained(tmp_path / "detector")
    return tmp_path / "detector"


def run(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


def labels_in(folder):
    return {p.relative_to(folder).as_posix(): _labels(p) for p in sorted(folder.rglob("*.png"))}


def _labels(path: Path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_labels_counts_and_pictures_of_all_images_but_a_broken_one(images, segmenter, tmp_path):
    (images / "d.png").write_text("no image")
    out, show = tmp_path / "labels", tmp_path / "drawn"
    result = run("segment", images, "--model", segmenter, "--out", out, "--show", show)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"isotrope: {images / 'd.png'}: ")
    assert result.stderr.count("\n") == 1
    labels = labels_in(out)
    assert list(labels) == ["a.png", "b.png", "more/c.png"]
    model = Segmenter.from_pretrained(segmenter)
    for name, found in labels.items():
        pixels = np.repeat(_labels(images / name)[None].astype(np.float32), 3, 0)
        assert (found == model.instances(torch.from_numpy(pixels))).all()
        assert found.max() > 0
        assert f"{images / name}\t{found.max()}\n" in result.stdout
    assert [p.relative_to(show).as_posix() for p in sorted(show.rglob("*.png"))] == list(labels)


def test_a_turned_image_has_the_turned_label_image(images, segmenter, tmp_path):
    run("segment", images, "--model", segmenter, "--out", tmp_path / "upright")
    for path in images.rglob("*.png"):
        Image.fromarray(np.rot90(_labels(path)).copy()).save(path)
    run("segment", images, "--model", segmenter, "--out", tmp_path / "turned")
    turned = labels_in(tmp_path / "turned")
    for name, upright in labels_in(tmp_path / "upright").items():
        assert (turned[name] == np.rot90(upright)).all()


def test_resume_leaves_what_is_there_and_counts_it(images, segmenter, tmp_path):
    out = tmp_path / "labels"
    first = run("segment", images, "--model", segmenter, "--out", out)
    assert first.exit_code == 0, first.output
    kept = np.full((24, 30), 9, np.uint16)
    Image.fromarray(kept).save(out / "a.png")
    (out / "b.png").unlink()
    again = run("segment", images, "--model", segmenter, "--out", out, "--resume")
    assert (_labels(out / "a.png") == 9).all()
    assert (out / "b.png").is_file()
    assert again.stdout.splitlines() == [f"{images / 'a.png'}\t9", *first.stdout.splitlines()[1:]]


def test_resume_makes_what_is_broken_again_and_draws_what_is_not_drawn(images, segmenter, tmp_path):
    out, show = tmp_path / "labels", tmp_path / "drawn"
    run("segment", images, "--model", segmenter, "--out", out)
    before = {name: labels.copy() for name, labels in labels_in(out).items()}
    (out / "a.png").write_bytes((out / "a.png").read_bytes()[:40])
    (out / "b.png").write_bytes(b"")
    again = ("segment", images, "--model", segmenter, "--out", out, "--show", show, "--resume")
    result = run(*again)
    assert (result.exit_code, result.stderr) == (0, "")
    after = labels_in(out)
    assert all((after[name] == labels).all() for name, labels in before.items())
    assert list(labels_in(show)) == list(before)


@pytest.mark.parametrize(
    ("out", "show", "message"),
    [
        ("images", None, "--out images: it lies in images, all images of which are read"),
        ("images/labels", None, "--out images/labels: it lies in images,"),
        ("labels", "images/drawn", "--show images/drawn: it lies in images,"),
        ("both", "./both", "--show both: that is --out too; give two folders"),
    ],
)
def test_outputs_are_apart_from_the_images_and_from_each_other(
    images, segmenter, tmp_path, monkeypatch, out, show, message
):
    monkeypatch.chdir(tmp_path)
    shown = () if show is None else ("--show", show)
    result = run("segment", "images", "--model", segmenter, "--out", out, *shown)
    assert result.exit_code == 2
    assert message in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "segmenter"]


def test_nothing_is_written_over_an_image(images, segmenter):
    before = (images / "a.png").read_bytes()
    result = run("segment", images / "a.png", "--model", segmenter, "--out", images)
    assert result.exit_code == 2
    assert "would be overwritten" in result.stderr
    assert (images / "a.png").read_bytes() == before


def test_a_full_disk_is_a_line_that_names_the_label_image(images, segmenter, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    result = run("segment", images / "a.png", "--model", segmenter, "--out", tmp_path / "labels")
    label = tmp_path / "labels" / "a.png"
    problem = "cannot be written (No space left on device); free or change it"
    assert (result.exit_code, result.stderr) == (1, f"isotrope: {label}: {problem}\n")


def test_boxes_are_written_for_each_image(images, detector):
    (images / "d.png").write_text("no image")
    result = run("detect", images, "--model", detector, "--format", "json")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"isotrope: {images / 'd.png'}: ")
    found = json.loads(result.stdout)
    assert [Path(each["file"]).name for each in found] == ["a.png", "b.png", "c.png"]
    boxes = [(each["file"], box) for each in found for box in each["boxes"]]
    assert boxes
    head, *rows = run("detect", images, "--model", detector).stdout.splitlines()
    assert head == "file\tleft\ttop\tright\tbottom\tclass\tconfidence"
    for row, (file, box) in zip(rows, boxes, strict=True):
        name, *numbers = row.split("\t")
        assert name == file
        values = [*box["sides"], box["class"], box["confidence"]]
        assert [float(number) for number in numbers] == pytest.approx(values, abs=0.06)


def test_a_model_of_another_kind_is_one_line(images, segmenter, detector, tmp_path):
    for result in (
        run("segment", images, "--model", detector, "--out", tmp_path / "out"),
        run("detect", images, "--model", segmenter),
    ):
        assert result.exit_code == 1
        assert re.search("holds no (Segmenter|Detector), which has no .*; give", result.stderr)
        assert result.stderr.count("\n") == 1
