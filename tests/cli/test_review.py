"""Correct and learn: read a page, list its lines, correct them as an editor does, and adapt."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from lxml import etree
from typer.testing import CliRunner

from isotrope import cli
from isotrope.io.transcripts import read_transcript
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.store import save_model

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

SAMPLE = Path(__file__).parents[2] / "samples" / "pages" / "weather-garden.png"


def run(*arguments):
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """The sample page and its reading as PAGE-XML, in one folder."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copy(SAMPLE, folder)
    run("read", folder / SAMPLE.name, "--format", "page", "--out", folder / "read.page.xml")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny recognizer of upright lines, with random weights."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    stages = (StageConfig(8, 1), StageConfig(8, 1), StageConfig(16, 1))
    charset = "".join(map(chr, range(32, 127)))
    save_model(LineRecognizer(LineRecognizerConfig(charset, "plain", stages, "conv", 8)), folder)
    return folder


def escriptorium(page, change):
    """What eScriptorium exports after a person has changed texts: no words, no confidences."""
    tree = etree.parse(page)
    space = {"p": tree.getroot().nsmap[None]}
    for word in tree.iterfind(".//p:Word", space):
        word.getparent().remove(word)
    for text in tree.iterfind(".//p:TextEquiv", space):
        text.attrib.pop("conf", None)
    tree.find(".//p:Creator", space).text = "escriptorium"
    for line in tree.iterfind(".//p:TextLine", space):
        unicode = line.find("p:TextEquiv/p:Unicode", space)
        unicode.text = change(unicode.text)
    return etree.tostring(tree, encoding="unicode")


def test_corrected_lines_are_learned_and_the_others_left_out(read, base, tmp_path):
    pages = shutil.copytree(read, tmp_path / "pages")
    fixed = escriptorium(pages / "read.page.xml", lambda text: text.replace("e", "3"))
    (pages / "fixed.xml").write_text(fixed, encoding="utf-8")
    options = ("--base", base, "--epochs", 1, "--rank", 1, "--set", "run.workers=0")
    result = run("adapt", "--data", pages, "--out", tmp_path / "mine", *options)
    assert "held-out lines" in result.stdout
    card = (tmp_path / "mine" / "README.md").read_text()
    trained, held = map(int, re.search(r"(\d+) lines to train on, (\d+) held out", card).groups())
    texts = [line.text for line in read_transcript(pages / "read.page.xml").lines.values()]
    changed = sum("e" in text for text in texts)
    assert 10 < trained + held <= changed < len(texts)
    run("read", "--crops", SAMPLE, "--weights", base, "--adapter", tmp_path / "mine")


def test_what_nobody_corrected_is_refused_unless_it_is_asked_for(read, base, tmp_path):
    options = ("--base", base, "--epochs", 1, "--set", "run.workers=0")
    where = ("--data", read, "--out", tmp_path / "mine", *options)
    result = CliRunner().invoke(cli.app, [str(argument) for argument in ("adapt", *where)])
    assert result.exit_code == 1
    assert "none that a person has seen" in result.stderr
    run("adapt", *where, "--unseen")


@pytest.mark.parametrize("given", ["reading", pytest.param("images", marks=pytest.mark.slow)])
def test_lines_are_listed_for_correction(read, tmp_path, given):
    out = tmp_path / "review"
    if given == "images":
        (tmp_path / "images").mkdir()
        shutil.copy(SAMPLE, tmp_path / "images")
    pages = read if given == "reading" else tmp_path / "images"
    result = run("adapt", "--review", pages, "--out", out, "--lines", 5)
    assert "index.html: 5 lines to correct, on 1 pages" in result.stdout
    table = (out / "review.tsv").read_text().splitlines()
    assert len(table) == 6
    assert {"isotrope_r" in row for row in table[1:]} == {True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --data, what to learn from, or --review, what to correct"),
        (("--review", ".", "--data", "."), "--review trains nothing; leave out --data"),
        (("--review", "nowhere"), "nowhere"),
    ],
)
def test_an_error_is_one_line(tmp_path, arguments, message):
    result = CliRunner().invoke(cli.app, ["adapt", "--out", str(tmp_path / "mine"), *arguments])
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output
