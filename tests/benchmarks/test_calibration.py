"""The program that calibrates a model, around tiny ones."""

import json

import numpy as np
import pytest
from PIL import Image

import calibration
import textless
from isotrope.ocr.orientation.finder import Orientation, OrientationFinder
from isotrope.ocr.recognition.calibration import KEY, Calibration
from isotrope.ocr.recognition.ctc import Decoded

WORDS = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def sets(tmp_path):
    """Two sets; the gray of an image says which word it is, and its width how hard."""
    names = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for number in range(60):
            Image.new("RGB", (20 + number, 12), (40 * (number % 4),) * 3).save(
                folder / f"{number}.png"
            )
        labels = (f"{number}.png\t{WORDS[number % 4]}\n" for number in range(60))
        (folder / "labels.tsv").write_text("".join(labels))
        names.append(f"{name}={folder}")
    return names


class Session:
    """Reads words by their gray, the last letter wrong of narrow ones, more sure than it should."""

    def __init__(self, folder, threads):
        self.calibration = Calibration.from_config(json.loads((folder / "config.json").read_text()))

    def decoded(self, lines, batch_size=32):
        return [self._decoded(line) for line in lines]

    def read(self, lines, batch_size=32):
        return [self.calibration.applied(found) for found in self.decoded(lines)]

    def _decoded(self, line):
        word = WORDS[min(3, round(line.mean() / 40))]
        wrong = max(line.shape[:2]) % 3 == 0
        word = word[:-1] + "x" if wrong else word
        sure = (0.99,) * (len(word) - 1) + (0.9,)
        return Decoded(word, sure, ((0, 0),) * len(word), -0.1, len(word))


class Level:
    def find_pixels(self, images, batch_size=32):
        return [Orientation(0, 1.0, 0.0, (1.0, 0.0, 0.0, 0.0))] * len(images)


@pytest.fixture
def ran(tmp_path, sets, monkeypatch):
    monkeypatch.setattr(calibration, "LineSession", Session)
    monkeypatch.setattr(OrientationFinder, "from_pretrained", lambda path, threads: Level())
    monkeypatch.setattr(calibration, "EACH", 2)
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"charset": "abc", "dim": 3}))
    words = [str(model), *sets, "--limit", "40", "--figure", str(tmp_path / "figures" / "c.png")]
    rows = calibration.run(calibration.parsed(words))
    return tmp_path, rows


def test_it_writes_the_calibration_into_the_config(ran):
    config = json.loads((ran[0] / "model" / "config.json").read_text())
    assert {name: config[name] for name in ("charset", "dim")} == {"charset": "abc", "dim": 3}
    assert set(config[KEY]) == {"characters", "text"}
    Calibration.from_config(config)
    assert (ran[0] / "figures" / "c.png").stat().st_size > 1000


def test_its_rows_say_before_and_after(ran):
    rows = {(row["what"], row["set"]): row for row in ran[1]}
    for what in ("characters", "text"):
        for name in ("one", "two", "all"):
            row = rows[what, name]
            assert row["left_out"] < row["raw"]
    assert rows["text", "all"]["n"] == 80
    assert rows["text", "all"]["left_out"] < 0.05 < rows["text", "all"]["raw"]
    assert rows["reader", "all"]["n"] == 80
    assert {name for what, name in rows if what == "no text"} >= set(textless.KINDS)


def test_sets_may_be_thinned(sets):
    (thin,) = calibration.sets_of([sets[0].replace("=", ":10=")], None)
    assert (thin.name, len(thin)) == ("one", 6)
    with pytest.raises(ValueError, match="'x' must be a number from 1; give NAME:K=PATH"):
        calibration.sets_of(["one:x=there"], None)


def test_one_set_cannot_be_left_out(sets, tmp_path):
    with pytest.raises(ValueError, match="one set alone cannot be left out"):
        calibration.run(calibration.parsed([str(tmp_path), sets[0]]))


@pytest.mark.parametrize("kind", textless.KINDS)
def test_images_without_text(kind):
    images = [textless.textless(kind, np.random.default_rng(seed)) for seed in range(5)]
    for image in images:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert 24 <= image.shape[0] < 80
        assert image.shape[2] == 3
        assert (np.ptp(image, axis=(0, 1)).max() > 0) == (kind != "blank")
    again = textless.textless(kind, np.random.default_rng(0))
    assert (again == images[0]).all()
