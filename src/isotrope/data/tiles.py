"""Pieces of pages around lines of text, as the orientation finder sees them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from isotrope.data.images import load_image
from isotrope.data.pages import page_lines
from isotrope.io.transcripts import Point, transcripts_in

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Page:
    image: Path
    centers: tuple[Point, ...]  # one per line


class PageTiles:
    """Upright pieces around lines, from the pages of a folder of PAGE-XML or ALTO.

    Decoding a page takes as long as many pieces, so a run of `each` pieces comes from one page.

    Args:
        path: Searched with its subfolders.
        held_out: Every `held_out`-th page is kept apart for `held_out()`.
        collections: Names of the subfolders to use. None: all.

    Raises:
        ValueError: No page could be read.
    """

    each = 8

    def __init__(
        self, path: str | Path, held_out: int = 10, collections: tuple[str, ...] | None = None
    ) -> None:
        files = [
            file
            for file in transcripts_in(path)
            if collections is None or file.parent.name in collections
        ]
        pages = [page for page in map(_page, files) if page is not None]
        if not pages:
            raise ValueError(f"{path}: no page with lines; give a folder of PAGE-XML or ALTO")
        self.pages = [p for i, p in enumerate(pages) if i % held_out]
        self.held = [p for i, p in enumerate(pages) if i % held_out == 0]
        self._open: tuple[_Page, Tensor] | None = None
        self._left = 0

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, None]:
        """Draw a piece `(3, h, w)` around a line, 90 to 900 px per side, without a text."""
        if self._open is None or self._left == 0:
            page = self.pages[int(rng.integers(len(self.pages)))]
            self._open, self._left = (page, load_image(page.image)), self.each
        self._left -= 1
        page, image = self._open
        side, aspect = np.exp(rng.uniform(4.5, 6.8)), np.exp(rng.uniform(-0.5, 0.9))
        return piece(image, page.centers, side, aspect, rng), None

    def held_out(self, rng: np.random.Generator, each: int = 4) -> list[Tensor]:
        """Draw `each` pieces of 400x250 px from every held-out page."""
        images = [(page, load_image(page.image)) for page in self.held]
        return [
            piece(image, page.centers, 316.0, 1.6, rng)
            for page, image in images
            for _ in range(each)
        ]


def piece(
    image: Tensor,
    centers: tuple[Point, ...],
    side: float,
    aspect: float,
    rng: np.random.Generator,
) -> Tensor:
    """Cut about `side * side` pixels around one of `centers`, `aspect` times wider than high."""
    rows, columns = image.shape[1:]
    width = int(min(columns, side * aspect**0.5))
    height = int(min(rows, side / aspect**0.5))
    x, y = centers[int(rng.integers(len(centers)))]
    x, y = x + rng.uniform(-0.4, 0.4) * width, y + rng.uniform(-0.4, 0.4) * height
    left = int(np.clip(x - width / 2, 0, columns - width))
    top = int(np.clip(y - height / 2, 0, rows - height))
    return image[:, top : top + height, left : left + width]


def _page(file: Path) -> _Page | None:
    try:
        lines = page_lines(file)
    except ValueError as error:
        logger.warning("%s; this page is left out", error)
        return None
    centers = tuple(
        (float(x), float(y)) for x, y in (np.mean(outline.corners, axis=0) for outline, _ in lines)
    )
    return _Page(lines[0][0].image, centers) if lines else None
