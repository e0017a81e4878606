"""What is tried on a file: each target yields a word for each page, and raises if a rule is broken.

The rules: a file gives pages, or `ImageError` (`ValueError` for a transcript) with one line that
names it. Anything else is a finding.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from isotrope.io.errors import ImageError
from isotrope.io.images import load_unit
from isotrope.io.sheets import PageImage, page_images
from isotrope.io.transcripts import read_transcript

MOST_PAGES = 20  # of a file; more would be tried in the same way

MOST_LINES = 1000  # of a transcript, that are cut out: each takes its time

PROGRESS = re.compile(r"\d+%: ")
"""The line that a command prints once a minute."""

FORMATS = ("text", "md", "tsv", "jsonl", "hocr", "alto", "page", "pdf")


def decode(path: Path) -> Iterator[str]:
    """Every page of an image or PDF file, as pixels."""
    for page in islice(page_images(path), MOST_PAGES):
        yield _checked(page, path)
    bytes_too = path.stat().st_size % 8 == 0  # one in eight: the same file from memory
    if bytes_too:
        for page in islice(page_images(path.read_bytes(), name=str(path)), MOST_PAGES):
            yield _checked(page, path)


def unit(path: Path) -> Iterator[str]:
    """An image as floats at full bit depth."""
    try:
        pixels = load_unit(path)
    except ImageError as error:
        yield _refusal(error, path)
        return
    assert pixels.dtype == np.float32, pixels.dtype
    assert pixels.ndim == 3, pixels.shape
    assert pixels.shape[2] == 3, pixels.shape
    assert pixels.min() >= 0, pixels.min()
    assert pixels.max() <= 1, pixels.max()
    yield "page"


def transcript(path: Path) -> Iterator[str]:
    """A PAGE-XML or ALTO file, and the lines as training and the detector's labels take them."""
    from isotrope.data.labeled_pages import LabeledPages
    from isotrope.data.pages import PageLines

    logging.getLogger("isotrope").setLevel(logging.CRITICAL)
    try:
        page = read_transcript(path)
    except ValueError as error:
        yield _refusal(error, path)
        return
    assert page.image.resolve().is_relative_to(path.parent.resolve()), page.image
    for line in page.lines.values():
        assert np.isfinite(line.corners).all(), line
    yield "page"
    if len(page.lines) > MOST_LINES:
        return
    for kind in (PageLines, LabeledPages):
        with suppress(ValueError):
            labels = kind(path.parent)
            for index in islice(range(len(labels)), 3):
                labels[index]


def read(path: Path) -> Iterator[str]:
    """Pages read by the shipped reader, and written in every format."""
    from isotrope.ocr.formats.pages import page_format, page_format_names

    for page in islice(_reader().read_pages(path, on_error="return"), 3):
        if isinstance(page, ImageError):
            yield _refusal(page, path)
            continue
        yield "page"
        for name in page_format_names():
            try:
                for _ in page_format(name).write([page], lambda _: path):
                    pass
            except ValueError as error:
                _refusal(error, path)
            yield name


def command(path: Path) -> Iterator[str]:
    """`isotrope read`, of a folder with the file and a sound image."""
    from typer.testing import CliRunner

    from isotrope.cli import app

    sound = path.with_name("sound.png")
    out = path.parent / "out"
    format = FORMATS[path.stat().st_size % len(FORMATS)]
    result = CliRunner().invoke(
        app, ["read", str(sound), str(path), "--out", f"{out}/", "--format", format]
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 1), (result.exit_code, result.stderr)
    lines = [line for line in result.stderr.splitlines() if not PROGRESS.match(line)]
    assert all(line.startswith("isotrope: ") for line in lines), lines
    written = [file.stem for file in out.iterdir()]
    assert "sound" in written, written
    assert result.exit_code == 0 or lines, "status 1 without a line"
    yield "page" if result.exit_code == 0 else "refused"


TARGETS: dict[str, Callable[[Path], Iterator[str]]] = {
    **{"decode": decode, "unit": unit, "transcript": transcript},
    **{"read": read, "command": command},
}


@cache
def _reader():
    from isotrope.ocr.reader import Reader

    return Reader.from_pretrained(threads=1)


def _checked(page: PageImage | ImageError, path: Path) -> str:
    if isinstance(page, ImageError):
        return _refusal(page, path)
    assert page.pixels.dtype == np.uint8, page.pixels.dtype
    assert page.pixels.ndim == 3, page.pixels.shape
    assert page.pixels.shape[2] == 3, page.pixels.shape
    assert page.pixels.size, page.pixels.shape
    assert page.pixels.flags.c_contiguous
    assert 1 <= page.number <= page.count, (page.number, page.count)
    assert page.resolution is None or page.resolution > 0, page.resolution
    return "page"


def _refusal(error: Exception, path: Path) -> str:
    """Check the line that says why a file was refused."""
    line = str(error)
    assert line.startswith(str(path)), line
    assert "\n" not in line, line
    return "refused"
