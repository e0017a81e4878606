"""Draw whole pages with their lines, to train text detectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isotrope.data.page_labels import LabeledPage
from isotrope.data.synthetic.pages.books import book, columns
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.faces import Faces
from isotrope.data.synthetic.pages.press import Press
from isotrope.data.synthetic.pages.sheet import Sheet
from isotrope.data.synthetic.pages.writing import Writing
from isotrope.data.synthetic.sentences import Sentences


class SyntheticPages:
    """Draws endless pages.

    Args:
        split: "train" or "valid", whose font families are disjoint.
        folders: Where to look for fonts, default `fonts.FOLDERS`.
        sentences: The books that the text is from, by default random words.
    """

    def __init__(
        self,
        split: str = "train",
        folders: Sequence[str | Path] | None = None,
        sentences: Sentences | None = None,
    ) -> None:
        self.faces, self.writing = Faces(split, folders), Writing(sentences)

    def draw(self, rng: np.random.Generator) -> LabeledPage:
        """Draw a page; it depends only on the generator and the fonts."""
        height = float(np.exp(rng.uniform(np.log(13), np.log(36))))
        long = rng.uniform(max(700, 16 * height), min(1600, 75 * height))
        size = int(long * rng.uniform(0.62, 0.85)), int(long)
        sheet = Sheet(*size)
        press = Press(sheet, self.faces, self.writing, rng)
        layout = book if rng.random() < 0.5 else columns
        layout(press, Box(0.0, 0.0, *map(float, size)), height)
        return LabeledPage(sheet.pixels[..., :3].copy(), tuple(sheet.lines), tuple(sheet.ignored))
