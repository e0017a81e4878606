"""`isotrope read` with the shipped weights: the sample page, and pages without text."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from isotrope import cli

SAMPLE = Path(__file__).parents[2] / "samples" / "pages" / "weather-garden.png"
TEXT = """\
Notes from a Weather Garden
The garden lies on a hill above the
the same in every direction.
Turn the page: not one word will change.
cold and clear
fog at dawn
warm and slow
rain by night
RECEIVED
Read on the hill, and turned back
""".splitlines()
"""Lines in all four directions, and one that is slanted."""


def read(*arguments):
    return CliRunner().invoke(cli.app, ["read", "--format", "text", *map(str, arguments)])


@pytest.mark.slow
def test_the_sample_page_is_the_same_document_at_four_turns():
    result = read(SAMPLE, "--turns")
    assert (result.stderr, result.exit_code) == ("", 0)
    *lines, summary = result.stdout.splitlines()
    assert summary == "same document at all four turns: 1 of 1 pages"
    assert set(TEXT) <= set(lines)
    table = [lines.index(word) for word in ("Month", "Rain", "Wind", "March", "north", "west")]
    assert table == sorted(table)


def test_pages_without_text_are_empty_documents(tmp_path):
    blank = np.full((600, 400, 3), 255, np.uint8)
    grain = np.random.default_rng(0).normal(240, 6, (600, 400)).clip(0, 255).astype(np.uint8)
    across, down = np.meshgrid(np.linspace(0, 9, 400), np.linspace(0, 9, 600))
    hills = (128 + 60 * np.sin(across) + 60 * np.cos(down + across)).astype(np.uint8)
    for name, pixels in {"a": blank, "b": grain, "c": hills}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    result = read(tmp_path)
    assert (result.stdout.strip("\f\n"), result.stderr, result.exit_code) == ("", "", 0)
