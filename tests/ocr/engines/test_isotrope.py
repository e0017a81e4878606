"""The shipped engine around tiny random models, adapted too: on onnxruntime, without torch."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.lora import add_adapter, save_adapter
from isotrope.ocr import loading
from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.isotrope import Isotrope
from isotrope.ocr.orientation.finder import Orientation, OrientationFinder
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS
from isotrope.ocr.recognition import ctc
from isotrope.ocr.recognition.ctc import Decoded
from isotrope.ocr.recognition.store import load_model


@pytest.fixture
def engine(weights, monkeypatch):
    monkeypatch.setattr(ctc, "NOTHING", 1.0)  # an untrained model is sure of nothing
    return make_engine("isotrope", path=weights / "small", threads=1)


def lines(count):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (20 + i, 90 - 9 * i, 3), np.uint8) for i in range(count)]


def test_it_reads_the_same_at_four_turns(weights, engine):
    reader = Reader(engine, OrientationFinder(weights / "finder", threads=1))
    said = set()
    for line in lines(4):
        four = list(reader.stream([line], turns=TURNS))
        assert len({(reading.text, reading.characters) for reading in four}) == 1
        turned = [(reading.orientation - four[0].orientation) % 360 for reading in four]
        assert turned == list(TURNS)
        assert len(four[0].characters) == len(four[0].text)
        said.add(four[0].characters)
    assert len(said) == 4


def test_a_finder_that_is_not_equivariant_gives_other_readings(engine):
    class Upright:
        def find_pixels(self, images, batch_size=32):
            return [Orientation(0, 1.0, 0.0, (1.0, 0.0, 0.0, 0.0))] * len(images)

    four = Reader(engine, Upright()).stream(lines(1), turns=TURNS)
    assert len({reading.characters for reading in four}) == 4


def test_a_line_says_what_ctc_decoded():
    class Session:
        def read(self, lines, batch_size):
            assert batch_size == 7
            return [Decoded("ab", (0.25, 1.0), ((0, 0), (2, 3)), -0.1, 5) for _ in lines]

    (line,) = Isotrope(Session()).read(lines(1), batch_size=7)
    assert (line.text, line.confidence, line.characters) == ("ab", 0.5, (0.25, 1.0))


def test_an_adapter_acts(weights, engine, tmp_path):
    adapted = add_adapter(load_model(weights / "small"), rank=2)
    save_adapter(adapted, tmp_path / "nothing")  # a fresh adapter changes nothing
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter)
    save_adapter(adapted, tmp_path / "much")
    base = engine.read(lines(4))
    given = {"path": weights / "small", "threads": 1}
    fresh = make_engine("isotrope", adapter=tmp_path / "nothing", **given).read(lines(4))
    assert [line.text for line in fresh] == [line.text for line in base]
    for ours, theirs in zip(fresh, base, strict=True):
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-4)
    much = make_engine("isotrope", adapter=tmp_path / "much", **given).read(lines(4))
    assert [line.text for line in much] != [line.text for line in base]


def test_what_cannot_be_loaded(weights, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="model='huge' is not shipped; use small or tiny"):
        make_engine("isotrope", model="huge")
    with pytest.raises(ValueError, match="missing; give a folder"):
        make_engine("isotrope", path=tmp_path)
    with pytest.raises(ValueError, match="runes: no such adapter"):
        make_engine("isotrope", path=weights / "small", adapter="runes")
    monkeypatch.setattr(loading, "SHIPPED", weights)
    assert make_engine("isotrope").session.charset == "abcdefg "


HEAVY = {"torch", "transformers", "peft", "matplotlib", "jiwer", "safetensors", "tokenizers"}


READ = ("read", "--crops", "--engine", "isotrope")
COMMANDS = (READ, (*READ, "--adapter", "mine"), ("orient",))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_import_no_torch(weights, tmp_path, command):
    save_adapter(add_adapter(load_model(weights / "small")), tmp_path / "mine")
    code = f"""
import sys
from pathlib import Path
from isotrope import cli
from isotrope.ocr import loading
loading.SHIPPED = Path({str(weights)!r})
try:
    cli.main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""

    Image.fromarray(lines(1)[0]).save(tmp_path / "line.png")
    done = subprocess.run(
        [sys.executable, "-c", code, *command, str(tmp_path / "line.png")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    assert not HEAVY & set(done.stderr.split())
