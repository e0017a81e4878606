"""`isotrope read --crops`, with a fake engine in place of the shipped one."""

import json
import os
import subprocess
import sys
import warnings
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli
from isotrope.cli import request
from isotrope.cli.options import EngineName
from isotrope.ocr.engines import ENGINES
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.formats import FORMATS
from isotrope.ocr.reader import Reader


class FakeEngine:
    """Reads the mean gray; where turns matter, another text in an image higher than wide."""

    name, equivariant = "fake", True
    turns_matter = False

    def read(self, lines, batch_size=32):
        return [self._read(line) for line in lines]

    def _read(self, line):
        assert line.dtype == np.uint8
        if self.turns_matter and line.shape[0] > line.shape[1]:
            return Transcript("other", 0.5)
        return Transcript(f"é{round(line.mean())}", line.mean() / 255)


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    calls = []

    def from_pretrained(**options):
        calls.append({name: value for name, value in options.items() if value is not None})
        return Reader(FakeEngine(), min_confidence=options["min_confidence"])

    monkeypatch.setattr(Reader, "from_pretrained", from_pretrained)
    return calls


def test_loading_is_quiet(tmp_path, monkeypatch):
    def noisy(**_):
        warnings.warn("a library's own news", FutureWarning, stacklevel=1)
        return Reader(FakeEngine())

    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)
    monkeypatch.setattr(Reader, "from_pretrained", noisy)
    assert read(image(tmp_path / "a.png")).stderr == ""
    assert os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] == "1"


def read(*arguments):
    return CliRunner().invoke(cli.app, ["read", "--crops", *map(str, arguments)])


def image(path, grey=10, width=64, height=32):
    path.parent.mkdir(exist_ok=True)
    Image.new("L", (width, height), grey).save(path)
    return path


def complaint(result, path, *words):
    """The one line on standard error, about `path`."""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"isotrope: {path}: ")
    for word in words:
        assert word in line
    assert result.exit_code == 1


def test_one_file_is_its_text_alone(tmp_path, loaded):
    result = read(image(tmp_path / "a.png"))
    assert (result.stdout, result.stderr, result.exit_code) == ("é10\n", "", 0)
    assert loaded == [{"finder": "isotrope", "min_confidence": 0.0}]


def test_files_and_folders_in_order(tmp_path):
    folder = tmp_path / "set"
    for number in (10, 9, 100):
        image(folder / f"{number}.png", number)
    last = image(tmp_path / "last.png", 7)
    result = read(folder, last, "--format", "text")
    names = [folder / "9.png", folder / "10.png", folder / "100.png", last]
    expected = [f"{name}\té{grey}" for name, grey in zip(names, (9, 10, 100, 7), strict=True)]
    assert result.stdout.splitlines() == expected
    assert result.exit_code == 0


@pytest.mark.parametrize("format", list(FORMATS))
def test_out_equals_stdout(tmp_path, format):
    folder = image(tmp_path / "set" / "a.png").parent
    shown = read(folder, "--format", format)
    written = read(folder, "--format", format, "--out", tmp_path / "out")
    assert written.stdout == ""
    assert (tmp_path / "out").read_text(encoding="utf-8") == shown.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]


def test_json_and_tsv(tmp_path):
    path = image(tmp_path / "a.png", 51)
    (row,) = json.loads(read(path, "--format", "json").stdout)
    assert row == {
        **{"file": str(path), "text": "é51", "confidence": 0.2, "orientation": 0},
        **{"slant": 0.0, "characters": [], "adapter": None, "warnings": []},
    }
    lines = read(path, "--format", "tsv").stdout.splitlines()
    assert lines == ["file\ttext\tconfidence\torientation", f"{path}\té51\t0.2\t0"]


def test_options_reach_the_reader(tmp_path, loaded, monkeypatch):
    path = image(tmp_path / "a.png")
    given = {
        **{"weights": tmp_path, "adapter": "fraktur", "engine": "gsanet", "model": "tiny"},
        **{"finder": "orbit", "min_confidence": 0.25, "runtime": "onnx", "beams": 2},
        **{"language": "deu", "device": "cpu"},
    }
    monkeypatch.setattr(request, "check_reader", lambda _: None)  # no engine takes them all
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    read(path, *options)
    given["path"] = given.pop("weights")
    assert loaded == [given]


def test_texts_that_are_not_sure_enough_are_left_out(tmp_path):
    path = image(tmp_path / "a.png", 51)
    assert read(path, "--min-confidence", 0.2).stdout == "é51\n"
    assert read(path, "--min-confidence", 0.21).stdout == "\n"
    assert read(path, "--min-confidence", 1.1).exit_code == 2


def test_one_bad_among_a_hundred(tmp_path):
    for number in range(100):
        image(tmp_path / "set" / f"{number}.png", number)
    bad = tmp_path / "set" / "37.png"
    bad.write_bytes(bad.read_bytes()[:50])
    result = read(tmp_path / "set", "--format", "text")
    problem, summary = result.stderr.splitlines()
    assert problem.startswith(f"isotrope: {bad}: broken")
    assert summary.startswith("isotrope: 99 files read (99 images), 1 failed; ")
    assert result.exit_code == 1
    texts = [line.split("\t")[1] for line in result.stdout.splitlines()]
    assert texts == [f"é{number}" for number in range(100) if number != 37]


def test_a_dangling_link_in_a_folder_is_one_line(tmp_path):
    good = image(tmp_path / "set" / "good.png")
    link = tmp_path / "set" / "link.png"
    link.symlink_to(tmp_path / "missing.png")
    result = read(tmp_path / "set", "--format", "text")
    complaint(result, link, "a link to a file that is not there")
    assert result.stdout == f"{good}\té10\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("flags", [[], ["--turns", "--format", "json"]])
def test_a_full_device_is_one_line(tmp_path, flags):
    code = (
        "from test_read_crops import *; "
        "Reader.from_pretrained = lambda **_: Reader(FakeEngine()); cli.main()"
    )
    command = [sys.executable, "-c", code, "read", "--crops", image(tmp_path / "a.png"), *flags]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=os.path.dirname(__file__)
        )
    line = "standard output: cannot be written (No space left on device); free or change it"
    assert result.stderr == f"isotrope: {line}\n"
    assert result.returncode == 1


def test_every_bad_input_of_the_issue(tmp_path):
    good = image(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "folder").mkdir()
    image(tmp_path / "dot.png", 0, 1, 1)
    for name, words in {
        "empty.png": "an empty file; save or copy it again",
        "text.png": "text, not an image",
        "dot.png": "1x1 px: too small to read; both sides must be at least 2 px",
        "folder": "no images in this folder",
        "missing.png": "no such file; check the path",
    }.items():
        alone = read(tmp_path / name)
        complaint(alone, tmp_path / name, words)
        assert alone.stdout == ""
        beside = read(tmp_path / name, good, "--format", "text")
        complaint(beside, tmp_path / name, words)
        assert beside.stdout == f"{good}\té10\n"


def test_an_empty_folder_loads_no_model(tmp_path, loaded):
    assert read(tmp_path).exit_code == 1
    assert loaded == []


def test_json_stays_valid_where_nothing_can_be_read(tmp_path):
    (tmp_path / "a.png").touch()
    assert json.loads(read(tmp_path / "a.png", "--format", "json").stdout) == []


def test_missing_weights_are_one_line(tmp_path, monkeypatch):
    def missing(path, **_):
        raise ValueError(f"{path}: no recognizer here")

    monkeypatch.setattr(Reader, "from_pretrained", missing)
    path = image(tmp_path / "a.png")
    complaint(read(path, "--weights", tmp_path), tmp_path, "config.json is missing")
    (tmp_path / "adapter_config.json").write_text("{}")
    complaint(read(path, "--weights", tmp_path), tmp_path, "give an adapter as --adapter")
    (tmp_path / "config.json").write_text("{}")
    complaint(read(path, "--weights", tmp_path), tmp_path, "no recognizer here")
    complaint(read(path, "--weights", tmp_path / "w"), tmp_path / "w", "no such folder; check --we")
    complaint(read(path, "--weights", path), path, "a file, not a folder; check --weights")
    complaint(read(path, "--finder", tmp_path / "w"), tmp_path / "w", "folder; check --finder")
    complaint(read(path, "--adapter", "klingon"), "klingon", "no such adapter")


def test_turns(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    image(folder / "a.png"), image(folder / "b.png", 20)
    result = read(folder, "--turns", "--format", "text")
    first, _, last = result.stdout.splitlines()
    assert first == f"{folder / 'a.png'}\té10\tsame at all turns, found at 0° 0° 0° 0°"
    assert last == "same text at all four turns: 2 of 2 images"
    monkeypatch.setattr(FakeEngine, "turns_matter", True)
    result = read(folder, "--turns", "--format", "json")
    rows = json.loads(result.stdout)
    assert [row["text"] for row in rows[:4]] == ["é10", "other", "é10", "other"]
    assert [row["turn"] for row in rows] == [0, 90, 180, 270] * 2
    assert result.stderr == "same text at all four turns: 0 of 2 images\n"
    assert result.exit_code == 0


def test_turns_of_a_bad_file_are_one_complaint(tmp_path):
    good, bad = image(tmp_path / "good.png"), image(tmp_path / "dot.png", 0, 1, 1)
    result = read(bad, good, "--turns")
    complaint(result, bad, "too small")
    assert result.stdout.splitlines()[-1] == "same text at all four turns: 1 of 1 images"


def test_every_engine_can_be_named():
    names, _none = get_args(get_args(EngineName)[0])
    assert set(get_args(names)) == set(ENGINES)


def test_a_warning_goes_to_standard_error_once(tmp_path):
    lines = Image.new("L", (90, 120), 255)
    for top in (10, 50, 90):
        lines.paste(0, (10, top, 80, top + 20))
    lines.save(tmp_path / "three.png")
    result = read(tmp_path / "three.png", "--turns")
    warning = "looks like 3 lines of text; give one line at a time"
    assert result.stderr == f"isotrope: {tmp_path / 'three.png'}: {warning}\n"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("name", "kind", "flags"),
    [("s.png", "PNG", []), ("s.png", "PNG", ["--turns"]), ("s.jpg", "JPEG", [])],
)
def test_show(tmp_path, name, kind, flags):
    result = read(image(tmp_path / "a.png"), "--show", tmp_path / name, *flags)
    assert result.exit_code == 0
    with Image.open(tmp_path / name) as drawn:
        assert drawn.format == kind


def test_without_matplotlib_the_texts_are_written_all_the_same(tmp_path, monkeypatch):
    for name in [*sys.modules]:
        if name.split(".")[0] == "matplotlib":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = read(image(tmp_path / "a.png"), "--show", tmp_path / "sheet.png")
    assert (result.stdout, result.exit_code) == ("é10\n", 1)
    assert result.stderr == (
        "isotrope: a sheet is drawn by matplotlib, which is not installed; "
        "pip install 'isotrope[torch]'\n"
    )


def test_places_that_cannot_be_written(tmp_path, loaded):
    path = image(tmp_path / "a.png")
    for option in ("--out", "--show"):
        result = read(path, option, tmp_path / "none" / "x.png")
        complaint(result, tmp_path / "none" / "x.png", "make it first")
        assert read(path, option, tmp_path).exit_code == 2
    assert loaded == []


def test_options_of_another_engine_are_refused(tmp_path, loaded):
    path = image(tmp_path / "a.png")
    for options, line in {
        ("--beams", 2): "--beams 2: the engine isotrope does not take it; leave it out",
        ("--language", "deu"): "--language deu: the engine isotrope does not take it; leave it out",
        ("--engine", "tesseract", "--weights", tmp_path): (
            f"--weights {tmp_path}: the engine tesseract does not take it; leave it out"
        ),
        ("--engine", "trocr"): (
            "--engine trocr needs --weights, a folder with a TrOCR and its tokenizer"
        ),
    }.items():
        result = read(path, *options)
        assert (result.stderr, result.exit_code) == (f"isotrope: {line}\n", 2)
    assert loaded == []


def test_wrong_options(tmp_path):
    path = image(tmp_path / "a.png")
    assert read(path, "--format", "xml").exit_code == 2
    assert read(path, "--batch-size", 0).exit_code == 2
    assert read().exit_code == 2


def test_help_imports_nothing_heavy():
    code = "import sys, isotrope.cli; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "transformers", "peft", "matplotlib", "jiwer"} & set(modules)
