"""A fake engine for the commands, and small images for it to read."""

import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli
from isotrope.ocr.engines.base import Transcript
from isotrope.ocr.reader import Reader


class GrayEngine:
    """Reads the gray of the first pixel."""

    name, equivariant = "gray", True

    def read(self, lines, batch_size=32):
        return [Transcript(str(line[0, 0, 0]), 1.0) for line in lines]


@pytest.fixture
def gray_engine():
    return GrayEngine


@pytest.fixture
def loaded(monkeypatch):
    """Readers have the fake engine; the options that each was loaded with."""
    calls = []

    def from_pretrained(**options):
        calls.append(options)
        return Reader(GrayEngine())

    monkeypatch.setattr(Reader, "from_pretrained", from_pretrained)
    return calls


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the images 1.png, 2.png and 3.png of these grays."""
    monkeypatch.chdir(tmp_path)
    for gray in (1, 2, 3):
        Image.new("L", (8, 4), gray).save(f"{gray}.png")
    return tmp_path


@pytest.fixture
def read(loaded):
    """Runs `isotrope read --crops` with the fake engine."""

    def run(*arguments, given=None):
        return CliRunner().invoke(cli.app, ["read", "--crops", *map(str, arguments)], input=given)

    return run
