"""The page readers that benchmarks/pages.py compares, each a function from a page to its text.

isotrope[:DETECTOR[:ENGINE[:LANGUAGES]]]
                        Reader.read_pages with this detector and engine, or the defaults
tesseract[:LANGUAGES]   the binary, --psm 1, which finds the page's orientation itself
rapidocr                RapidOCR (PP-OCRv6-small) with its classifier of 0 against 180
rapidocr+4x             the same at all four turns; the most confident text is kept
kraken                  kraken's `blla` segmentation: lines alone, no text
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from isotrope.io.resize import turn


@dataclass(frozen=True, eq=False)
class PageRead:
    """What a reader says of a page.

    Args:
        text: In its reading order, a line of text a line; None if it only finds lines.
        lines: Outlines `(n, 2)` of its lines, px of the page as it was given; None if it says none.
        confidence: In [0, 1], over the page.
        upright: Anything that compares equal for equal documents, once turned upright; the text if
            there is no more.
    """

    text: str | None
    lines: list[np.ndarray] | None = None
    confidence: float = 0.0
    upright: object = field(default=None)


ReadPage = Callable[[np.ndarray, int], PageRead]
"""From a page `(H, W, 3)`, uint8 RGB, and the quarter turn it was given, which only `upright`
uses."""


def load_page_reader(name: str, threads: int = 2) -> ReadPage:
    """Load a reader by name.

    Args:
        name: As described in this module's docstring.
        threads: Number of its threads. Programs that it starts follow OMP_NUM_THREADS.

    Raises:
        ValueError: There is no reader of this name, or its program is not on the PATH.
        ModuleNotFoundError: Its package is not installed.
    """
    plain = name.removesuffix("+4x")
    key, _, option = plain.partition(":")
    if key not in PAGE_READERS:
        raise ValueError(f"reader {name!r} is not known; use {', '.join(PAGE_READERS)}")
    read = PAGE_READERS[key](option, threads)
    return _at_four_turns(read) if plain != name else read


def isotrope(option: str, threads: int) -> ReadPage:
    from isotrope import Reader

    named = zip(("detector", "engine", "language"), option.split(":", 2), strict=False)
    reader = Reader.from_pretrained(
        threads=threads, **{key: value for key, value in named if value}
    )

    def read(pixels: np.ndarray, degrees: int) -> PageRead:
        (page,) = reader.read_pages([pixels])
        lines = [np.array(line.polygon) for line in page.lines]
        return PageRead(page.text, lines, upright=page.turned(-degrees))

    return read


def rapidocr(option: str, threads: int) -> ReadPage:
    from rapidocr import RapidOCR

    parameters = {"EngineConfig.onnxruntime.intra_op_num_threads": threads}
    product = RapidOCR(params={"Global.log_level": "error", **parameters})

    def read(pixels: np.ndarray, degrees: int) -> PageRead:
        found = product(np.ascontiguousarray(pixels[..., ::-1]))
        if found.boxes is None or not found.txts:
            return PageRead("", [])
        sure = sum(len(text) * score for text, score in zip(found.txts, found.scores, strict=True))
        return PageRead("\n".join(found.txts), list(found.boxes), sure)

    return read


def tesseract(option: str, threads: int) -> ReadPage:
    program = _program("tesseract")

    def read(pixels: np.ndarray, degrees: int) -> PageRead:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "page.png")
            Image.fromarray(pixels).save(file, compress_level=1)
            table = _run([program, file, "stdout", "-l", option or "eng", "--psm", "1", "tsv"])
        rows = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
        return _from_tsv(list(rows))

    return read


def _from_tsv(rows: list[dict[str, str]]) -> PageRead:
    """Tesseract's words and the boxes of its lines."""
    boxes, words = [], {}
    for row in rows:
        place = row["block_num"], row["par_num"], row["line_num"]
        if row["level"] == "4":
            left, top, width, height = (
                float(row[name]) for name in ("left", "top", "width", "height")
            )
            right, bottom = left + width, top + height
            boxes.append(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))
        elif row["level"] == "5" and row["text"].strip():
            words.setdefault(place, []).append(row["text"])
    return PageRead("\n".join(map(" ".join, words.values())), boxes)


def kraken(option: str, threads: int) -> ReadPage:
    """Run kraken's command, `kraken` of the PATH or the one that KRAKEN names."""
    program = _program(os.environ.get("KRAKEN", "kraken"))

    def read(pixels: np.ndarray, degrees: int) -> PageRead:
        with tempfile.TemporaryDirectory() as folder:
            image, found = Path(folder, "page.png"), Path(folder, "lines.json")
            Image.fromarray(pixels).save(image, compress_level=1)
            _run([program, "-i", image, found, "segment", "--baseline"])
            lines = json.loads(found.read_text())["lines"]
        return PageRead(None, [np.array(line["boundary"]) for line in lines if line["boundary"]])

    return read


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise ValueError(f"the program {name} is not on the PATH")
    return program


def _run(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().split("\n")[-1]
        raise ValueError(f"{command[0]} ended with status {done.returncode} ({said})")
    return done.stdout


PAGE_READERS = {
    "isotrope": isotrope,
    "rapidocr": rapidocr,
    "tesseract": tesseract,
    "kraken": kraken,
}
"""Functions of the option and the number of threads, by the first part of a name."""


def _at_four_turns(read: ReadPage) -> ReadPage:
    """Read a page at four turns and keep the turn whose text is the surest."""

    def read_turns(pixels: np.ndarray, degrees: int) -> PageRead:
        found = [read(turn(pixels, -angle), 0) for angle in (0, 90, 180, 270)]
        best = max(found, key=lambda one: (one.confidence, one.text))
        return PageRead(best.text, None, best.confidence, best.text)

    return read_turns
