"""Synthetic text images: a line of text in a random font, colour, pose and condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from isotrope.data.degrading import degrade, legible
from isotrope.data.fonts import FontFile, font_families
from isotrope.data.lexicon import TextSource
from isotrope.data.painting import paint
from isotrope.data.typesetting import map_points, place, set_line, stem, transformed

_LEAST_CAPITAL = 9.0  # pixels that a capital should be high, or the line is placed anew, upright


@dataclass(frozen=True)
class TextSample:
    """A text image. `image`: (H, W, 3) uint8, writable, the text upright. `text`: what it says.

    `centers`: (len(text), 2) float32, the (x, y) of each character in fractions of W and H, spaces
    included: the middle of its advance, at half the height of a capital. `family`: the font's.
    """

    image: np.ndarray
    text: str
    centers: np.ndarray
    family: str


class SyntheticText:
    """Draws text images without end; `sample(index)` depends on (seed, index) and the fonts alone.

    `split`: "train" or "valid", whose font families are disjoint. `lines`: the share of samples
    with several words. `height`: least and greatest image height in pixels. `difficulty`: scales
    how often and how strongly images are degraded: 0 draws clean print, 1 is the training default.
    At least 30% of the samples are clean at any difficulty. `folders`: where fonts are, default
    `fonts.FOLDERS`. Raises ValueError for arguments out of range, FileNotFoundError where there
    are no fonts.
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
    ):
        if not 8 <= height[0] <= height[1]:
            raise ValueError(
                f"height={height} must be (least, greatest) pixels, with 8 <= least <= greatest"
            )
        if difficulty < 0:
            raise ValueError(f"difficulty={difficulty} is negative: give 0 (clean) or more")
        self.split, self.seed = split, seed
        self.height, self.difficulty = tuple(height), float(difficulty)
        self.source = TextSource(lines, max_characters)
        self.families = list(font_families(split, folders).values())
        if not self.families:
            raise FileNotFoundError(
                f"no font family falls in the {split} split; install more fonts with `make fonts`"
            )

    def __iter__(self) -> Iterator[TextSample]:
        index = 0
        while True:
            yield self.sample(index)
            index += 1

    def sample(self, index: int) -> TextSample:
        rng = np.random.default_rng([self.seed, index, self.split == "valid"])
        clean = rng.random() < max(0.35, 1 - 0.65 * self.difficulty)
        difficulty = 0.0 if clean else self.difficulty
        text, font = self._text_and_font(rng)
        line = set_line(text, font, rng, bend=0.0 if rng.random() < 0.9 else difficulty)
        height = int(rng.integers(self.height[0], self.height[1] + 1))
        placement, width = place(line, height, rng, difficulty)
        if line.cap_height * placement.getScaleY() < _LEAST_CAPITAL:  # turned or bent too far
            line = set_line(text, font, rng, bend=0.0)
            placement, width = place(line, height, rng, 0.0)
        centers = map_points(placement, line.anchors) / (width, height)
        capital = line.cap_height * placement.getScaleY()  # pixels of the image
        outline, stroke = transformed(line.path, placement), stem(font.path) * capital
        image = paint(outline, (width, height), capital, stroke, rng, difficulty)
        image = legible(degrade(image, rng, difficulty) if difficulty else image)
        return TextSample(image, text, centers.astype(np.float32), font.family)

    def _text_and_font(self, rng) -> tuple[str, FontFile]:
        """A text and a font that has all of its characters."""
        while True:
            text = self.source.draw(rng)
            for _ in range(12):
                family = self.families[int(rng.integers(len(self.families)))]
                font = family[int(rng.integers(len(family)))]
                written = _recased(text, font.case)
                fits = len(written) <= self.source.max_characters
                if fits and _coverage(font).issuperset(written):
                    return written, font


def _recased(text: str, case: str) -> str:
    """The text in the case that the font can say (see `FontFile.case`)."""
    if case == "upper":
        return text.upper()
    if case == "lower" and text.isupper() and len(text) > 1:
        return text[0] + text[1:].lower()
    return text


@lru_cache(maxsize=4096)
def _coverage(font: FontFile) -> frozenset[str]:
    return frozenset(font.characters)
