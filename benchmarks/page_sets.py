"""Pages for benchmarks/pages.py: a folder of PAGE-XML, turned, or cut and set at several turns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isotrope.data.labeled_pages import LabeledPages
from isotrope.data.page_labels import LabeledPage
from isotrope.io.resize import rotate, turn

BLOCKS, UPRIGHT_BLOCKS = "blocks", "blocks-upright"
"""Four blocks a page, cut from four pages, at 0, 90, 180 and 270 degrees, or all upright."""

_BLOCK = 12  # lines at most
_MARGIN = 24  # px


@dataclass(frozen=True, eq=False)
class Case:
    """A page to read.

    Args:
        name: Of the page, within the folder.
        pixels: (H, W, 3), uint8 RGB.
        text: In reading order.
        lines: Outlines `(n, 2)` of its lines, px.
    """

    name: str
    pixels: np.ndarray
    text: str
    lines: tuple[np.ndarray, ...]


class PageSet:
    """The pages of a folder of PAGE-XML or ALTO.

    Args:
        folder: The folder, searched with its subfolders.
        names: A file that lists the pages to use, one image or XML a line, relative to `folder`.
            None: all.

    Raises:
        ValueError: There are no such pages.
    """

    def __init__(self, folder: Path, names: Path | None = None) -> None:
        files = None
        if names is not None:
            listed = names.read_text(encoding="utf-8").split("\n")
            files = [str(Path(name).with_suffix(".xml")) for name in listed if name]
        self.folder, self._pages = folder, LabeledPages(folder, files=files)

    def __len__(self) -> int:
        return len(self._pages)

    def names(self) -> list[str]:
        """The pages' images, relative to the folder."""
        return [str(page.image.relative_to(self.folder)) for page in self._pages.pages]

    def case(self, number: int, condition: str) -> Case:
        """Make a page under a condition: degrees counter-clockwise, or blocks at turns."""
        if condition in (BLOCKS, UPRIGHT_BLOCKS):
            page = self._mosaic(number, (0, 90, 180, 270) if condition == BLOCKS else (0, 0, 0, 0))
        else:
            page = turned(self._pages[number], float(condition))
        text = "\n".join(line.text for line in page.lines)
        outlines = tuple(line.polygon for line in page.lines)
        return Case(self.names()[number], page.pixels, text, outlines)

    def _mosaic(self, first: int, angles: Sequence[int]) -> LabeledPage:
        pages = (self._pages[(first + step) % len(self)] for step in range(4))
        return mosaic([block(page, first + at) for at, page in enumerate(pages)], angles)


def turned(page: LabeledPage, degrees: float) -> LabeledPage:
    """Turn a page counter-clockwise, exactly if by a multiple of 90, else onto a larger image."""
    quarter = degrees % 90 == 0
    pixels = turn(page.pixels, int(degrees)) if quarter else rotate(page.pixels, degrees)
    before = np.array(page.size) / 2
    after = np.array([pixels.shape[1], pixels.shape[0]]) / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([[cos, -sin], [sin, cos]])  # y points down
    return page.moved(pixels, lambda points: (points - before) @ matrix + after)


def block(page: LabeledPage, number: int) -> LabeledPage:
    """Cut up to `_BLOCK` successive lines from a page with the paper around them."""
    lines = page.lines
    start = (number * 7) % max(1, len(lines) - _BLOCK)
    points = np.concatenate([line.polygon for line in lines[start : start + _BLOCK]])
    width, height = page.size
    left, top = np.maximum(np.floor(points.min(axis=0)) - 4, 0).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + 4
    pixels = page.pixels[top : min(bottom, height), left : min(right, width)]
    cut = page.moved(pixels, lambda points: points - np.array([left, top]))
    # A line of another column may lie beside these: whatever is whole inside the cut counts.
    inside = [line for line in cut.lines if _within(line.polygon, cut.size)]
    return LabeledPage(pixels, tuple(inside))


def mosaic(blocks: Sequence[LabeledPage], angles: Sequence[int]) -> LabeledPage:
    """Set four blocks on one page, two by two, each in the middle of a square of its own."""
    side = max(max(b.size) for b in blocks) + 2 * _MARGIN
    color = np.median([np.median(b.pixels, axis=(0, 1)) for b in blocks], axis=0)
    pixels = np.empty((2 * side, 2 * side, 3), np.uint8)
    pixels[:] = color.astype(np.uint8)
    lines = []
    for place, (upright, degrees) in enumerate(zip(blocks, angles, strict=True)):
        one = turned(upright, degrees)
        width, height = one.size
        corner = np.array([(place % 2) * side, (place // 2) * side])
        left, top = corner + (side - np.array([width, height])) // 2
        pixels[top : top + height, left : left + width] = one.pixels
        at = np.array([left, top])
        lines += one.moved(one.pixels, lambda points, at=at: points + at).lines
    return LabeledPage(pixels, tuple(lines))


def _within(polygon: np.ndarray, size: tuple[int, int]) -> bool:
    return bool((polygon >= -2).all() and (polygon <= np.array(size) + 2).all())
