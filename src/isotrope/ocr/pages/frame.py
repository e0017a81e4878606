"""Turn a page upright by an exact quarter turn, with the same pixels however it lies. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from isotrope.io.resize import turn
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.reading import TURNS
from isotrope.ocr.views import Finder


@runtime_checkable
class PageFinder(Protocol):
    """A finder that looks at pages in a way of its own."""

    def find_page(self, pixels: np.ndarray) -> Orientation:
        """Find which way up a page is, (H, W, 3), uint8 RGB; it may be a view."""
        ...


@dataclass(frozen=True, eq=False)
class Frame:
    """A page turned upright.

    Args:
        pixels: (H, W, 3), uint8 RGB: the page turned back by `degrees`; a view, since pages are
            large.
        degrees: Turn of the page from upright, in degrees counter-clockwise: 0, 90, 180 or 270.
        slant: Remaining turn, in degrees counter-clockwise; an estimate.
        scores: The finder's probabilities that the page is turned by 0, 90, 180 and 270 degrees.
            A turn of the page permutes them exactly: `scores(turn(page, 90)) = (s3, s0, s1, s2)`.
    """

    pixels: np.ndarray
    degrees: int
    slant: float = 0.0
    scores: tuple[float, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright page, px."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def turned_back(self, degrees: int) -> Frame:
        """The same page, turned back by another quarter turn."""
        pixels = np.rot90(self.pixels, -degrees // 90)
        return replace(self, pixels=pixels, degrees=(self.degrees + degrees) % 360)


def upright(page: np.ndarray, finder: Finder) -> Frame:
    """Turn a page upright.

    The finder's scores for a turned page are the permuted scores only up to rounding. So it never
    sees the page as it lies, but one of the four turns that is chosen by comparing pixels: the
    result has the same pixels at every turn of the page, whatever the finder does.

    Args:
        page: (H, W, 3), uint8 RGB.
        finder: Finds which way is up.
    """
    turns = first_turns(page)
    if isinstance(finder, PageFinder):
        found = finder.find_page(np.rot90(page, -turns[0] // 90))
    else:
        (found,) = finder.find_pixels([turn(page, -turns[0])])
    degrees = (turns[0] + found.degrees) % 360
    pixels = np.rot90(page, -degrees // 90)
    return Frame(pixels, degrees, found.slant, _permuted(found.scores, turns))


def turn_scores(image: np.ndarray, finder: Finder) -> tuple[float, ...]:
    """The probabilities that a word or line is turned by 0, 90, 180 and 270 degrees.

    As `Frame.scores` of pages: a turn of the image permutes them exactly.

    Args:
        image: (H, W, 3), uint8 RGB.
        finder: Finds which way is up.
    """
    turns = first_turns(image)
    (found,) = finder.find_pixels([turn(image, -turns[0])])
    return _permuted(found.scores, turns)


def _permuted(scores: Sequence[float], turns: Sequence[int]) -> tuple[float, ...]:
    """The scores of an image from those of the image turned back by any of `turns`.

    These are several if the image is symmetric. Then all are equally right, so the mean is taken,
    by `fsum`, which does not depend on the order.
    """
    return tuple(
        math.fsum(scores[(degrees - first) // 90 % 4] for first in turns) / len(turns)
        for degrees in TURNS
    )


def first_turns(page: np.ndarray) -> tuple[int, ...]:
    """The turns of a page, counter-clockwise, from the one of its four turns that comes first.

    They are compared by height, then by the values of their pixels. There are several only if the
    page is symmetric, as a blank one: turned back by any of them, it has the same pixels.
    """
    views = {degrees: np.rot90(page, -degrees // 90) for degrees in TURNS}
    rows = min(view.shape[0] for view in views.values())
    views = {degrees: view for degrees, view in views.items() if view.shape[0] == rows}
    for row in range(rows):
        keys = {degrees: view[row].tobytes() for degrees, view in views.items()}
        least = min(keys.values())
        views = {degrees: views[degrees] for degrees, key in keys.items() if key == least}
        if len(views) == 1:
            break
    return tuple(sorted(views))


def majority(letters: Sequence[tuple[int, int]]) -> int:
    """The turn of most letters, given pairs of a turn and a number; 0 if there are none."""
    counts: dict[int, int] = dict.fromkeys(TURNS, 0)
    for degrees, number in letters:
        counts[degrees] += number
    return max(TURNS, key=lambda degrees: (counts[degrees], -degrees))
