"""Fonts at the size of a line: text, typewriter, display, handwriting and blackletter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic.font_kinds import kind_of
from isotrope.data.synthetic.fonts import FontFile, font_families, load_typeface, outline_font
from isotrope.data.synthetic.typesetting import EM, look, stem

KINDS = ("text", "mono", "display", "hand", "fraktur")
_MONO = re.compile(r"mono\b|mono\d|courier|cursor|typewriter|\bcode\b|mono ps", re.IGNORECASE)
_BOLD = re.compile(r"bold|black|heavy|700|800|900", re.IGNORECASE)
_STAND_INS = str.maketrans(
    dict.fromkeys("’‘‚‹›", "'") | dict.fromkeys("“”„«»", '"') | dict.fromkeys("–—⸗", "-")
    | {"…": "...", "ſ": "s"}
)  # fmt: skip
_TRIES = 8
_FAINT, _FAT = 0.07, 0.3  # stems in capital heights, outside of which body text is not set


class Run(NamedTuple):
    """Letters to be set: `text`, its glyphs, and their advances (n,) in pixels."""

    text: str
    glyphs: list[int]
    advances: np.ndarray

    @property
    def width(self) -> float:
        """Sum of the advances, px."""
        return float(self.advances.sum())

    def part(self, start: int, end: int) -> Run:
        """Characters `start` to `end`, without spaces at the ends."""
        piece = self.text[start:end]
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        return Run(self.text[start:end], self.glyphs[start:end], self.advances[start:end])


@dataclass(frozen=True)
class Face:
    """A font at one size.

    Args:
        font: A skia.Font.
        file: Where it is from.
        kind: One of KINDS.
        ascent: Height of letters such as b, d and l above the baseline, px.
        descent: Depth of letters such as g and p below it, px.
        stem: Thickness of its strokes, px.
    """

    font: Any
    file: FontFile
    kind: str
    ascent: float
    descent: float
    stem: float

    @property
    def height(self) -> float:
        """From the feet of descenders to the tops of ascenders, px."""
        return self.ascent + self.descent

    def spelled(self, text: str) -> str:
        """The text in the characters and the case that the font has."""
        if self.file.case == "upper":
            text = text.upper()
        elif self.file.case == "lower":
            text = " ".join(word.capitalize() if word.isupper() else word for word in text.split())
        known = _characters(self.file)
        if known.issuperset(text):
            return text
        return "".join(c for c in text.translate(_STAND_INS) if c in known)

    def run(self, text: str, spacing: float = 0.0) -> Run:
        """Letters of a text, which is spelled first.

        Args:
            text: One line.
            spacing: Extra space after each letter, px.
        """
        text = self.spelled(text)
        glyphs = self.font.textToGlyphs(text)
        return Run(text, glyphs, np.asarray(self.font.getWidths(glyphs), np.float64) + spacing)


class Faces:
    """The fonts of a split, by kind.

    Args:
        split: "train" or "valid".
        folders: As in `font_families`.

    Raises:
        FileNotFoundError: There is no font for text.
    """

    def __init__(self, split: str = "train", folders: Sequence[str | Path] | None = None) -> None:
        self.families: dict[str, list[tuple[FontFile, ...]]] = {kind: [] for kind in KINDS}
        for name, files in font_families(split, folders).items():
            kind = kind_of(name)
            self.families["mono" if kind == "text" and _MONO.search(name) else kind].append(files)
        if not self.families["text"]:
            raise FileNotFoundError(
                f"no font for text falls in the {split} split; install more with `make fonts`"
            )

    def family(self, rng: np.random.Generator, kind: str) -> tuple[FontFile, ...]:
        """Draw a family of a kind, or a text family if there is none."""
        return pick(rng, self.families[kind] or self.families["text"])

    def body(self, rng: np.random.Generator, kind: str, height: float) -> Face:
        """Draw a face for running text: rarely slanted, thin or fat."""
        for _ in range(_TRIES):
            file = pick(rng, self.family(rng, kind))
            slanted = look(file.path)[0] and kind in ("text", "mono")
            fits = _FAINT < stem(file.path) < _FAT
            if fits and (not slanted or rng.random() < 0.25):
                break
        return face(file, kind, height)

    def strong(self, rng: np.random.Generator, like: Face, height: float) -> Face:
        """Draw a face for headings on a page of `like`: its bold, itself, or another family."""
        draw = rng.random()
        if draw < 0.25 and self.families["display"] and like.kind != "hand":
            return face(pick(rng, self.family(rng, "display")), "display", height)
        if draw < 0.4 and like.kind == "text":
            return self.body(rng, "text", height)
        same = [
            file
            for file in self.families[like.kind] or self.families["text"]
            if file[0].family == like.file.family
        ]
        files = [file for file in (same[0] if same else (like.file,)) if _BOLD.search(file.path)]
        return face(pick(rng, files) if files else like.file, like.kind, height)


def face(file: FontFile, kind: str, height: float) -> Face:
    """Make a font of a line height in pixels, from descenders to ascenders."""
    up, down = _extents(file.path)
    size = max(round(4 * height / (up + down)) / 4, 4.0)
    font, capital = _font(file.path, size)
    return Face(font, file, kind, up * size, down * size, stem(file.path) * capital)


@lru_cache(maxsize=512)
def _typeface(path: str):
    return load_typeface(path)


@lru_cache(maxsize=2048)
def _font(path: str, size: float):
    """A skia.Font and the height of its capitals."""
    font = outline_font(_typeface(path), size)
    return font, font.getBounds(font.textToGlyphs("H"))[0].height() or 0.7 * size


@lru_cache(maxsize=4096)
def _extents(path: str) -> tuple[float, float]:
    """Heights of ascenders above and of descenders below the baseline, in em."""
    font, _ = _font(path, EM)
    tops = [-bounds.top() for bounds in font.getBounds(font.textToGlyphs("bdhkl"))]
    feet = [bounds.bottom() for bounds in font.getBounds(font.textToGlyphs("gpqy"))]
    return max(float(np.median(tops)), 0.3 * EM) / EM, max(float(np.median(feet)), 0.05 * EM) / EM


@lru_cache(maxsize=4096)
def _characters(file: FontFile) -> frozenset[str]:
    return frozenset(file.characters)
