"""How an image may stand upright: at every likely turn, and leveled if slanted. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from isotrope.io.resize import turn
from isotrope.ocr.orientation.finder import Orientation
from isotrope.ocr.rectify import rectified
from isotrope.ocr.skew import skew

DOUBT = 0.15
"""Every turn of at least this probability is read, and the likelier text kept."""

DRIFT = 0.35
"""Heights by which a slanted line may rise or fall over its length and still be read as it is."""

SMALL_SLANT = 8.0
"""Degrees below which a slanted line is also read as it is: the finder may be off by a few."""

LONG = 5.0
"""Heights beyond which a line's skew is measured rather than taken from the finder."""

LOOKS = 2
"""Times that the finder is asked what it was off by, before a strongly slanted line is leveled for
good: it is off by less the smaller the slant is."""

LEAST_SLANT = 1.0
"""Degrees of slant below which the finder's word is not taken for one."""


class Finder(Protocol):
    """Says which way up images lie; equivariant, so that a turn permutes its four scores."""

    def find_pixels(self, images: Sequence[np.ndarray], batch_size: int = 32) -> list[Orientation]:
        """How each image (H, W, 3), uint8 RGB, lies."""
        ...


@dataclass(frozen=True, eq=False)
class View:
    """An image as it may stand upright.

    Args:
        pixels: (H, W, 3), uint8 RGB: turned back by `degrees`, and by `slant` where that matters.
        probability: that it does stand upright, by the finder.
        degrees: counter-clockwise, by which the image was turned from upright: a multiple of 90.
        slant: degrees counter-clockwise beyond that.
    """

    pixels: np.ndarray
    probability: float
    degrees: int
    slant: float


def upright_views(
    finder: Finder, images: Sequence[np.ndarray], batch_size: int
) -> list[list[View]]:
    """The views of each image, whose pixels are the same at every turn of the image.

    In the frame that holds all of a slanted line its letters are small. Leveled and trimmed they
    are larger, so the finder is asked again, for the turn and for what it was off.
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
        as_it_is = [view] if abs(first.slant) >= SMALL_SLANT else []  # or it is there already
        views[place] += second or as_it_is
    return views


def _looked(
    finder: Finder, views: Sequence[View], batch_size: int
) -> tuple[list[np.ndarray], list[Orientation]]:
    """The leveled views, and what the finder says of them."""
    leveled = [_level(view, view.slant) for view in views]
    return leveled, finder.find_pixels(leveled, batch_size) if leveled else []


def _corrected(finder: Finder, views: list[View], batch_size: int) -> list[View]:
    """The views, the slant of those that are strongly slanted mended by what it was off."""
    strong = [n for n, view in enumerate(views) if abs(view.slant) >= SMALL_SLANT]
    _, again = _looked(finder, [views[n] for n in strong], batch_size)
    mended = list(views)
    for n, found in zip(strong, again, strict=True):
        if found.degrees % 180 == 0 and abs(found.slant) > LEAST_SLANT / 2:
            mended[n] = replace(views[n], slant=views[n].slant + found.slant)
    return mended


def _slant(pixels: np.ndarray, said: float) -> float:
    """The finder's slant, or of a long line that is not far off level what its rows of ink say."""
    rows, columns = pixels.shape[:2]
    return skew(pixels) if columns > LONG * rows and abs(said) < SMALL_SLANT else said


def _drifts(view: View) -> bool:
    """Whether a line rises or falls too far over its length to be read as it is."""
    rows, columns = view.pixels.shape[:2]
    slant = abs(view.slant)
    rise = math.tan(math.radians(slant)) * max(rows, columns) / min(rows, columns)
    return slant > LEAST_SLANT and rise > DRIFT


def _level(view: View, slant: float) -> np.ndarray:
    """The view leveled by a slant, rounded: the finder's rounding may differ between the turns."""
    return rectified(view.pixels, round(slant, 1))


def _second_views(first: View, leveled: np.ndarray, found: Orientation) -> list[View]:
    """What the finder makes of a leveled view; none where a small slant was none."""
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
