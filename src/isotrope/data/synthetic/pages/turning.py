"""Blocks that are turned on their page: by quarter turns, by a slant, or by any angle."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from isotrope.data.synthetic.pages.boxes import Box
from isotrope.data.synthetic.pages.press import Press


@contextmanager
def turned(press: Press, box: Box, degrees: float) -> Iterator[Box]:
    """Draw in a box turned counter-clockwise, which fits into a box of the present frame.

    Yields the box in which to draw, whose top left is (0, 0).
    """
    import skia

    quarters = round(degrees / 90)
    size = (box.width, box.height) if quarters % 2 == 0 else (box.height, box.width)
    slant = math.radians(abs(degrees - 90 * quarters))
    sin, cos = math.sin(slant), math.cos(slant)
    fit = min(a / (a * cos + b * sin) for a, b in (size, size[::-1]))
    width, height = fit * size[0], fit * size[1]
    matrix = skia.Matrix()
    matrix.setTranslate(-width / 2, -height / 2)
    matrix.postRotate(-degrees)
    matrix.postTranslate((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    with press.sheet.frame(matrix):
        yield Box(0.0, 0.0, width, height)


def draw_turn(press: Press) -> float:
    """Draw a turn in degrees: mostly a quarter turn, with or without a slant."""
    turn = 90.0 * press.count(0, 3)
    draw = press.rng.random()
    if draw < 0.2:
        turn += float(press.rng.normal(0, 3))
    elif draw < 0.35:
        turn += press.between(-45, 45)
    return turn
