"""Upright candidates of an image: every likely turn, leveled if slanted. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from isotrope.io.resize import turn
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.rectify import rectified
from isotrope.ocr.skew import LONG, drift, skew

DOUBT = 0.15
"""Every turn with at least this probability is read, and the most likely text is kept."""

DRIFT = 0.35
"""Rise or fall of a slanted line, in heights, up to which it is read as it is."""

SMALL_SLANT = 8.0
"""Slant in degrees below which a line is also read as it is: the finder may be slightly off."""

LOOKS = 2
"""Number of times the finder corrects its estimate before a strongly slanted line is finally
leveled: the smaller the slant, the smaller its error."""

LEAST_SLANT = 1.0
"""Slant in degrees below which the finder's estimate is ignored."""


class Finder(Protocol):
    """Finds which way up images are; equivariant, so a turn permutes its four scores."""

    def find_pixels(self, images: Sequence[np.ndarray], batch_size: int = 32) -> list[Orientation]:
        """Find the orientation of each image (H, W, 3), uint8 RGB."""
        ...


@dataclass(frozen=True, eq=False)
class View:
    """A candidate for the upright image.

    Args:
        pixels: (H, W, 3), uint8 RGB: turned back by `degrees`, and by `slant` if that matters.
        probability: that it is upright, according to the finder.
        degrees: turn of the image from upright, counter-clockwise: a multiple of 90.
        slant: remaining turn, in degrees counter-clockwise.
    """

    pixels: np.ndarray
    probability: float
    degrees: int
    slant: float


def upright_views(
    finder: Finder, images: Sequence[np.ndarray], batch_size: int
) -> list[list[View]]:
    """Make the views of each image, with the same pixels at every turn of the image.

    The letters of a slanted line are small within its bounding box. Leveled and trimmed, they are
    larger, so the finder is asked again for the turn and for its own error.
    """
    views: list[list[View]] = []
    slanted: list[tuple[int, View]] = []
    for place, found in enumerate(finder.find_pixels(images, batch_size)):
        views.append([])
        for degrees in sorted(found.candidates(DOUBT)):
            pixels = turn(images[place], -degrees)
            view = View(pixels, found.scores[degrees // 90], degrees, _slant(pixels, found.slant))
            if drifts := _drifts(view):
                slanted.append((place, view))
            if not drifts or abs(view.slant) < SMALL_SLANT:
                views[-1].append(view)
    mended = [view for _, view in slanted]
    for _ in range(LOOKS):
        mended = _corrected(finder, mended, batch_size)
    leveled, again = _looked(finder, mended, batch_size)
    for (place, first), view, pixels, found in zip(slanted, mended, leveled, again, strict=True):
        second = _second_views(view, pixels, found)
        as_it_is = [view] if abs(first.slant) >= SMALL_SLANT else []  # else already there
        views[place] += second or as_it_is
    return views


def _looked(
    finder: Finder, views: Sequence[View], batch_size: int
) -> tuple[list[np.ndarray], list[Orientation]]:
    """Return the leveled views and the finder's results for them."""
    leveled = [_level(view, view.slant) for view in views]
    return leveled, finder.find_pixels(leveled, batch_size) if leveled else []


def _corrected(finder: Finder, views: list[View], batch_size: int) -> list[View]:
    """Correct the slant of strongly slanted views by the finder's error."""
    strong = [n for n, view in enumerate(views) if abs(view.slant) >= SMALL_SLANT]
    _, again = _looked(finder, [views[n] for n in strong], batch_size)
    mended = list(views)
    for n, found in zip(strong, again, strict=True):
        if found.degrees % 180 == 0 and abs(found.slant) > LEAST_SLANT / 2:
            mended[n] = replace(views[n], slant=views[n].slant + found.slant)
    return mended


def _slant(pixels: np.ndarray, said: float) -> float:
    """Return the finder's slant, or for a long, nearly level line the skew of its ink."""
    rows, columns = pixels.shape[:2]
    return skew(pixels) if columns > LONG * rows and abs(said) < SMALL_SLANT else said


def _drifts(view: View) -> bool:
    """Whether a line rises or falls too far to be read as it is."""
    return abs(view.slant) > LEAST_SLANT and drift(view.pixels, view.slant) > DRIFT


def _level(view: View, slant: float) -> np.ndarray:
    """Level a view by a rounded slant, since the finder's last digits may differ between turns."""
    return rectified(view.pixels, round(slant, 1))


def _second_views(first: View, leveled: np.ndarray, found: Orientation) -> list[View]:
    """Make views from the finder's result for a leveled view; none if a small slant was false."""
    slant = first.slant
    off = _slant(leveled, found.slant) if found.degrees % 180 == 0 else 0.0
    if abs(off) > LEAST_SLANT / 2:
        slant += off
        if abs(first.slant) < SMALL_SLANT and not _drifts(replace(first, slant=slant)):
            return []
        leveled = _level(first, slant)
    return [
        View(
            turn(leveled, -degrees),
            first.probability * found.scores[degrees // 90],
            (first.degrees + degrees) % 360,
            slant,
        )
        for degrees in sorted(found.candidates(DOUBT))
    ]
