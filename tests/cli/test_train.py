"""`isotrope train recognizer`: what it says of a recipe that it cannot follow."""

import csv
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

SEGMENTER = """
data.size = 16
data.group = 4
data.parts = 1
schedule.examples = 4
run.workers = 0
run.precision = "32-true"
[model]
stages = [{ mixer = "plain", depth = 1, dim = 4 }]
"""


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


@pytest.mark.parametrize(
    ("command", "scores"),
    [
        ("segmentation", ": AP 0.000 at IoU 0.5, 0.000 from 0.5 to 0.95, AJI 0."),
        ("objects", ": AP 0.000 of boxes at IoU 0.5"),
    ],
)
def test_instances_are_learned_and_the_scores_are_shown(tmp_path, command, scores):
    pytest.importorskip("skimage", reason="watersheds are scikit-image's")
    rng = np.random.default_rng(0)
    for split in ("train", "valid"):
        for part in ("images", "labels"):
            (tmp_path / "data" / split / part).mkdir(parents=True)
            pixels = rng.integers(0, 3, (16, 24), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / split / part / "0.png")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(SEGMENTER)
    common = ("--config", str(recipe), "--data", str(tmp_path / "data"))
    arguments = ["train", command, *common, "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    assert scores in result.stdout
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    result = CliRunner().invoke(cli.app, [*arguments[:-1], str(tmp_path), "--set", "data.size=7"])
    assert "data.size=7 is not a multiple of 4, the model's unit; give 8" in result.stderr


@pytest.mark.slow
def test_torchrun_trains_a_classifier_from_shards_and_one_process_goes_on(tmp_path):
    shards, out = tmp_path / "shards", tmp_path / "run"
    shards.mkdir()
    rng = np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 4)):
        with tarfile.open(shards / f"pets-{split}-0000.tar", "w") as tar:
            for number in range(count):
                image, buffer = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8), io.BytesIO()
                Image.fromarray(image).save(buffer, "JPEG")
                files = {"jpg": buffer.getvalue(), "cls": str(number % 2).encode()}
                for suffix, content in files.items():
                    member = tarfile.TarInfo(f"{number:06}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    recipe = Path(__file__).parents[2] / "recipes" / "imagenet-gcsa-ti.toml"
    command = ["isotrope", "train", "classifier", "--config", str(recipe), "--data", str(shards)]
    changes = ["data.crop=32", "data.batch_size=5", "run.compile=false", "run.workers=1"]
    changes += ["run.precision=32-true", "run.validate_epochs=1"]

    def train(*launcher, **more):
        fields = [*changes, *(f"{n.replace('_', '.', 1)}={value}" for n, value in more.items())]
        options = [word for field in fields for word in ("--set", field)]
        done = subprocess.run(
            [sys.executable, "-m", *launcher, *command, "--out", str(out), *options],
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    torchrun = ("torch.distributed.run", "--nproc-per-node", "2", "-m")
    said = train(*torchrun, schedule_epochs=2, run_strategy="fsdp", run_recompute="true")
    assert said.count("20 examples") == 1, "rank 0 alone"
    assert "40 examples" in train(schedule_epochs=4, run_accumulate=2)
    with (out / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epochs"]) for row in rows] == [1, 2, 3, 4]
