"""`isotrope orient`, with a fake finder in place of the shipped one."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli
from isotrope.ocr.orientation.finder import Orientation, OrientationFinder

SCORES = {
    10: (0.02, 0.0, 0.98, 0.0),
    20: (0.5, 0.0, 0.49, 0.01),
}


class FakeFinder:
    """Knows images by their gray."""

    def find_pixels(self, images, batch_size=32):
        assert len(images) <= 4 * batch_size
        return [self._find(SCORES[int(image[0, 0, 0])]) for image in images]

    def _find(self, scores):
        best = scores.index(max(scores))
        return Orientation(90 * best, scores[best], -1.26, scores)


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    calls = []

    def from_pretrained(path=None, device=None):
        calls.append(path if device is None else (path, device))
        return FakeFinder()

    monkeypatch.setattr(OrientationFinder, "from_pretrained", from_pretrained)
    return calls


def orient(*arguments):
    return CliRunner().invoke(cli.app, ["orient", *map(str, arguments)])


def image(path, gray=10):
    path.parent.mkdir(exist_ok=True)
    Image.new("L", (64, 32), gray).save(path)
    return path


def test_text(tmp_path, loaded):
    one, two = image(tmp_path / "a.png"), image(tmp_path / "b\tc.png", 20)
    result = orient(one, two)
    assert result.stdout == f"{one}\t180\t0.98\n{tmp_path}/b\\tc.png\tcannot tell\t0.50\n"
    assert (result.stderr, result.exit_code) == ("", 0)
    assert loaded == [None]


def test_tsv_and_json(tmp_path, loaded):
    path = image(tmp_path / "set" / "a.png", 20)
    result = orient(path.parent, "--format", "tsv", "--weights", tmp_path)
    assert result.stdout == f"file\tdegrees\tconfidence\tslant\n{path}\t0\t0.5000\t-1.3\n"
    assert loaded == [tmp_path]
    (row,) = json.loads(orient(path, "--format", "json").stdout)
    assert row == {
        **{"file": str(path), "degrees": 0, "confidence": 0.5, "slant": -1.3},
        "scores": [0.5, 0.0, 0.49, 0.01],
    }


def test_bad_files_are_a_line_each_and_the_others_are_written(tmp_path):
    files = [image(tmp_path / "set" / f"{number}.png") for number in range(300)]
    files[7].write_text("not an image")
    files[200].write_bytes(b"")
    result = orient(*files, tmp_path / "missing.png")
    assert result.exit_code == 1
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        str(tmp_path / "missing.png"),  # before anything is opened
        *(str(files[7]), str(files[200])),
    ]
    written = [line.split("\t")[0] for line in result.stdout.splitlines()]
    assert written == [str(file) for file in files if file not in (files[7], files[200])]


def test_nothing_to_open_loads_no_model(tmp_path, loaded):
    assert orient(tmp_path).exit_code == 1
    assert loaded == []
    (tmp_path / "a.png").touch()
    assert json.loads(orient(tmp_path / "a.png", "--format", "json").stdout) == []


def test_missing_weights_are_one_line(tmp_path, monkeypatch):
    def missing(path, device=None):
        raise ValueError(f"{path}: no finder here")

    monkeypatch.setattr(OrientationFinder, "from_pretrained", missing)
    result = orient(image(tmp_path / "a.png"), "--weights", tmp_path)
    assert result.stderr == f"isotrope: {tmp_path}: no finder here\n"
    assert result.exit_code == 1
    result = orient(image(tmp_path / "a.png"), "--weights", tmp_path / "w")
    assert result.stderr == f"isotrope: {tmp_path / 'w'}: no such folder; check --weights\n"
    assert result.exit_code == 1


def test_device_reaches_the_finder(tmp_path, loaded):
    orient(image(tmp_path / "a.png"), "--device", "auto")
    assert loaded == [(None, "auto")]


def test_pages_and_standard_input(tmp_path):
    first, second = (Image.new("L", (64, 32), gray) for gray in (10, 20))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    first.save(tmp_path / "b.png")
    result = CliRunner().invoke(
        cli.app,
        ["orient", str(tmp_path / "a.tif"), "-"],
        input=(tmp_path / "b.png").read_bytes(),
    )
    assert result.stdout.splitlines() == [
        f"{tmp_path}/a.tif#1\t180\t0.98",
        f"{tmp_path}/a.tif#2\tcannot tell\t0.50",
        "-\t180\t0.98",
    ]
