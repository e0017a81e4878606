"""Synthetic text images: scene words, and lines of print and handwriting, in random conditions.

Outlines are drawn one by one (`SyntheticText.outline`). Color, background, light and camera are
batched torch operations (`outlines.paint`), which also run on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from isotrope.data.draws import Categorical, pick
from isotrope.data.synthetic.font_kinds import kind_of
from isotrope.data.synthetic.fonts import FontFile, font_families
from isotrope.data.synthetic.lexicon import TextSource, blackletter
from isotrope.data.synthetic.outlines import STYLES, Outline, paint
from isotrope.data.synthetic.painting import coverage, hollow
from isotrope.data.synthetic.sentences import Sentences
from isotrope.data.synthetic.typesetting import (
    Line,
    look,
    map_points,
    place,
    set_line,
    stem,
    surroundings,
    transformed,
)

_LEAST_CAPITAL = 9.0  # minimum capital height, px; else the line is placed again, upright
_FONT_TRIES, _TEXT_TRIES = 24, 200


@dataclass(frozen=True)
class TextSample:
    """A text image. `image`: (H, W, 3) uint8, writable, the text upright. `text`: its text.

    `centers`: (len(text), 2) float32, the (x, y) of each character in fractions of W and H, spaces
    included: the middle of its advance, at half the height of a capital. `family`: the font's.
    """

    image: np.ndarray
    text: str
    centers: np.ndarray
    family: str


class SyntheticText:
    """Draws endless text images; `sample(index)` depends only on (seed, index) and the fonts.

    For many images, it is faster to `paint` batches of outlines from `outline(index)`.

    Args:
        split: "train" or "valid", whose font families are disjoint.
        lines: the fraction of samples with several words, if no `sentences` are given.
        height: minimum and maximum image height in pixels.
        difficulty: scales how often and how strongly images are degraded: 0 draws clean print, 1 is
            the training default.
        max_characters: the longest text.
        folders: where to look for fonts, default `fonts.FOLDERS`.
        style: a key of STYLES, or weights by key.
        sentences: the texts of "print", "hand" and "fraktur" lines, by default random words.
        stride: widths are multiples of this.

    Raises:
        ValueError: An argument is out of range.
        FileNotFoundError: There are no fonts, or none of a kind that a style needs.
    """

    def __init__(
        self,
        split: str = "train",
        seed: int = 0,
        lines: float = 0.1,
        height: tuple[int, int] = (24, 64),
        difficulty: float = 1.0,
        max_characters: int = 40,
        folders: Sequence[str | Path] | None = None,
        style: str | Mapping[str, float] = "scene",
        sentences: Sentences | None = None,
        stride: int = 1,
    ):
        if not 8 <= height[0] <= height[1]:
            raise ValueError(
                f"height={height} must be (least, greatest) pixels, with 8 <= least <= greatest"
            )
        if difficulty < 0:
            raise ValueError(f"difficulty={difficulty} is negative: give 0 (clean) or more")
        if stride < 1:
            raise ValueError(f"stride={stride} must be 1 pixel or more")
        weights = {style: 1.0} if isinstance(style, str) else dict(style)
        unknown = [name for name in weights if name not in STYLES]
        if unknown or not weights:
            raise ValueError(f"style={unknown or style!r} is none of {', '.join(STYLES)}")
        self.split, self.seed, self.stride = split, seed, stride
        self.height, self.difficulty = tuple(height), float(difficulty)
        self.styles = Categorical(weights, list(weights.values()))
        self.source = TextSource(lines, max_characters)
        self.signs = TextSource(lines, max_characters, scene=True)
        self.sentences = sentences
        found = font_families(split, folders)
        if not found:
            raise FileNotFoundError(
                f"no font family falls in the {split} split; install more fonts with `make fonts`"
            )
        self.families: dict[str, list[tuple[FontFile, ...]]] = {}
        for name, files in found.items():
            self.families.setdefault(kind_of(name), []).append(files)
        for name in weights:
            if not any(kind in self.families for kind in STYLES[name].fonts):
                raise FileNotFoundError(
                    f"style={name!r} finds no font of its kinds in the {split} split; "
                    "install more fonts with `make fonts`"
                )

    def __iter__(self) -> Iterator[TextSample]:
        index = 0
        while True:
            yield self.sample(index)
            index += 1

    def sample(self, index: int) -> TextSample:
        """Draw sample `index`, painted alone."""
        rng = self._generator(index)
        outline = self.draw(rng)
        image = paint([outline], torch.Generator().manual_seed(int(rng.integers(2**62))))
        pixels = (255 * image[0].permute(1, 2, 0)).round().byte().contiguous().numpy()
        return TextSample(pixels, outline.text, outline.centers, outline.family)

    def outline(self, index: int) -> Outline:
        """Draw the text of sample `index`, typeset and posed."""
        return self.draw(self._generator(index))

    def _generator(self, index: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, index, self.split == "valid"])

    def draw(self, rng: np.random.Generator) -> Outline:
        """Draw an outline from a given generator."""
        name = self.styles.draw(rng)
        style = STYLES[name]
        clean = rng.random() < max(style.clean, 1 - (1 - style.clean) * self.difficulty)
        difficulty = 0.0 if clean else self.difficulty
        text, font = self._text_and_font(name, rng)
        bends = style.scene and rng.random() < 0.1
        line = set_line(text, font, rng, bend=difficulty if bends else 0.0)
        height = int(rng.integers(self.height[0], self.height[1] + 1))
        placement, width = place(line, height, rng, difficulty, self.stride, style.scene)
        if line.cap_height * placement.getScaleY() < _LEAST_CAPITAL:  # turned or curved too far
            line = set_line(text, font, rng, bend=0.0)
            placement, width = place(line, height, rng, 0.0, self.stride)
        around = self._around(line, name, font, rng) if difficulty else None
        masks = _masks(line, around, placement, (width, height), font, rng, style, difficulty)
        centers = map_points(placement, line.anchors) / (width, height)
        severity = difficulty * float(rng.uniform(0.4, 1.4))
        return Outline(masks, text, centers.astype(np.float32), font.family, name, severity)

    def _around(self, line: Line, name: str, font: FontFile, rng):
        """Set words and lines around a line, in its font."""
        style = STYLES[name]

        def other() -> Line:
            return set_line(_recased(self._text(name, rng), font.case), font, rng, bend=0.0)

        return surroundings(line, other, rng, style.beside, style.above)

    def _text(self, name: str, rng) -> str:
        if STYLES[name].scene:
            return self.signs.draw(rng)
        text = self.source.draw(rng) if self.sentences is None else self.sentences.draw(rng)
        return blackletter(text) if name == "fraktur" else text

    def _text_and_font(self, name: str, rng) -> tuple[str, FontFile]:
        """Draw a text and a font that has all of its characters."""
        shares = {k: v for k, v in STYLES[name].fonts.items() if k in self.families}
        kinds = Categorical(shares, list(shares.values()))
        for _ in range(_TEXT_TRIES):
            text = self._text(name, rng)
            for _ in range(_FONT_TRIES):
                font = pick(rng, pick(rng, self.families[kinds.draw(rng)]))
                if rng.random() > _appeal(font.path, STYLES[name].scene):
                    continue
                written = _recased(text, font.case)
                fits = len(written) <= self.source.max_characters
                if fits and _coverage(font).issuperset(written):
                    return written, font
        raise FileNotFoundError(
            f"style={name!r}: no font draws the characters of texts such as {text!r}; "
            "install more fonts with `make fonts`"
        )


def _masks(line, around, placement, size, font, rng, style, difficulty) -> np.ndarray:
    """Coverage of an image by a line and its surroundings, `(2, H, W)` uint8."""
    capital = line.cap_height * placement.getScaleY()  # in image pixels
    path, stroke = transformed(line.path, placement), stem(font.path) * capital
    others = transformed(around, placement) if around is not None else None
    bolder = 0.0
    if difficulty and rng.random() < 0.1:
        bolder = capital * rng.uniform(0.01, 0.05)
    masks = coverage(path, others, size, stroke, bolder)
    if style.scene and difficulty and capital > 18 and rng.random() < 0.03:
        masks[0] = hollow(path, size, max(capital * rng.uniform(0.04, 0.07), 1.0))
    return masks


@lru_cache(maxsize=4096)
def _appeal(path: str, scene: bool) -> float:
    """Probability of keeping a font: prefers upright; on signs bold sans serif, on pages serif."""
    slanted, serif = look(path)
    if not scene:
        return (0.3 if slanted else 1.0) * (1.0 if serif else 0.5)
    thin = stem(path) < 0.12
    return (0.15 if slanted else 1.0) * (0.45 if serif else 1.0) * (0.4 if thin else 1.0)


def _recased(text: str, case: str) -> str:
    """Convert a text to a case that the font can show (see `FontFile.case`)."""
    if case == "upper":
        return text.upper()
    if case == "lower" and text.isupper() and len(text) > 1:
        return text[0] + text[1:].lower()
    return text


@lru_cache(maxsize=4096)
def _coverage(font: FontFile) -> frozenset[str]:
    return frozenset(font.characters)
