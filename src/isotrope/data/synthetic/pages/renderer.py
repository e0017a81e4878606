"""Draw whole pages with their lines, to train text detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from isotrope.data.draws import Categorical
from isotrope.data.page_labels import LabeledPage, visible, within
from isotrope.data.synthetic.pages.accounts import ledger, receipt
from isotrope.data.synthetic.pages.books import book, columns
from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.camera import scanned
from isotrope.data.synthetic.pages.drawings import drawing
from isotrope.data.synthetic.pages.faces import Faces
from isotrope.data.synthetic.pages.forms import form
from isotrope.data.synthetic.pages.grounds import lay
from isotrope.data.synthetic.pages.letters import letter
from isotrope.data.synthetic.pages.mosaics import mosaic
from isotrope.data.synthetic.pages.posters import poster, wordless
from isotrope.data.synthetic.pages.press import Layout, Press
from isotrope.data.synthetic.pages.sheet import Sheet
from isotrope.data.synthetic.pages.spreads import sideways, spread
from isotrope.data.synthetic.pages.warps import cropped, draw_warp, warped
from isotrope.data.synthetic.pages.wear import wear
from isotrope.data.synthetic.pages.writing import Writing
from isotrope.data.synthetic.sentences import Sentences

LAYOUTS: dict[str, Layout] = {
    "book": book,
    "columns": columns,
    "letter": letter,
    "form": form,
    "ledger": ledger,
    "drawing": drawing,
    "mosaic": mosaic,
    "spread": partial(spread, layouts=(book, letter, ledger, columns)),
    "sideways": partial(sideways, layouts=(ledger, ledger, book, columns, form)),
    "receipt": receipt,
    "poster": poster,
    "wordless": wordless,
}
"""What a page may be."""

SHARES: dict[str, float] = {
    "book": 0.16,
    "columns": 0.14,
    "letter": 0.18,
    "form": 0.08,
    "ledger": 0.08,
    "drawing": 0.06,
    "mosaic": 0.12,
    "spread": 0.05,
    "sideways": 0.05,
    "receipt": 0.04,
    "poster": 0.03,
    "wordless": 0.01,
}
"""The share of pages of each layout."""

_WIDTHS = {"spread": (1.15, 1.5), "receipt": (0.3, 0.6), "drawing": (0.7, 1.5)}
_WIDTH = (0.6, 0.85)  # over the height
_TALLEST = {"spread": 24.0, "columns": 28.0, "receipt": 30.0}  # lines, px
_LEAST, _MOST = 13.0, 40.0  # heights of lines, px
_LONGEST = 1600
_CROPPED = 0.08


class SyntheticPages:
    """Draws endless pages.

    Args:
        split: "train" or "valid", whose font families are disjoint.
        folders: Where to look for fonts, default `fonts.FOLDERS`.
        sentences: The books that the text is from, by default random words.
        shares: Of the pages of each layout in LAYOUTS; default SHARES.

    Raises:
        ValueError: A share is for no layout, or there is none.
        FileNotFoundError: There are no fonts.
    """

    def __init__(
        self,
        split: str = "train",
        folders: Sequence[str | Path] | None = None,
        sentences: Sentences | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        shares = SHARES if shares is None else shares
        unknown = [name for name in shares if name not in LAYOUTS]
        if unknown or not shares:
            raise ValueError(f"shares={unknown or shares!r} is none of {', '.join(LAYOUTS)}")
        self.layouts = Categorical(list(shares), list(shares.values()))
        self.faces, self.writing = Faces(split, folders), Writing(sentences)

    def draw(self, rng: np.random.Generator) -> LabeledPage:
        """Draw a page; it depends only on the generator, the fonts and the books."""
        sheet = self.print(rng)
        wear(sheet, rng)
        lay(sheet, rng)
        pixels = np.ascontiguousarray(sheet.pixels[..., :3])
        page = LabeledPage(pixels, tuple(sheet.lines), tuple(sheet.ignored))
        warp = draw_warp(rng, page.size)
        if warp is not None:
            desk = int(rng.integers(0, 256 if rng.random() < 0.4 else 60))
            page = warped(page, warp, (desk, desk, desk))
        if rng.random() < _CROPPED:
            page = cropped(page, rng)
        page = within(page)
        return visible(LabeledPage(scanned(page.pixels, rng), page.lines, page.ignored))

    def print(self, rng: np.random.Generator) -> Sheet:
        """Draw the ink of a page, on white."""
        name = self.layouts.draw(rng)
        tallest = _TALLEST.get(name, _MOST)
        height = float(np.exp(rng.uniform(np.log(_LEAST), np.log(tallest))))
        long = rng.uniform(max(700, 16 * height), min(_LONGEST, 75 * height))
        across = rng.uniform(*_WIDTHS.get(name, _WIDTH))
        if name not in _WIDTHS and rng.random() < 0.12:
            across = 1 / across
        size = int(long * min(across, 1)), int(long * min(1 / across, 1))
        sheet = Sheet(*size)
        press = Press(sheet, self.faces, self.writing, rng)
        LAYOUTS[name](press, Box(0.0, 0.0, *map(float, size)), height)
        return sheet
