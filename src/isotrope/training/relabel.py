"""Correct labels with a teacher that reads upright print well: letter case, and which way is up.

Two public sets need this. The labels of the receipts are all in capitals; some words of ICDAR 2015
really are turned.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from isotrope.data.lines import LabeledLines

Read = Callable[[np.ndarray], str]
"""Reads an upright line `(H, W, 3)` uint8 RGB."""


def mended_case(lines: LabeledLines, read: Read) -> LabeledLines:
    """Give labels in capitals the case that the teacher reads.

    If the teacher's text equals the label up to case, it replaces the label. Otherwise the label
    stays if the teacher's text is mostly in capitals too; other lines are left out.
    """
    kept: dict[int, str] = {}
    for number in range(len(lines)):
        image, label = lines[number]
        found = read(as_bytes(image))
        if found.upper() == label.upper():
            kept[number] = found
        elif _mostly_capitals(found):
            kept[number] = label
    mended = lines.keep(lambda number, _: number in kept)
    mended.items = [
        (file, text) for (file, _), text in zip(mended.items, kept.values(), strict=True)
    ]
    return mended


def upright_turns(lines: LabeledLines, read: Read) -> dict[int, int]:
    """Number of counter-clockwise quarter turns that bring each image upright.

    The first of 0, 1, 3 and 2 turns at which the teacher reads the label, comparing only letters
    and digits. Images that it misreads at every turn, or whose label has fewer than two letters or
    digits, are left out.
    """
    found: dict[int, int] = {}
    for number in range(len(lines)):
        image, label = lines[number]
        if len(wanted := _alphanumeric(label)) < 2:
            continue
        pixels = as_bytes(image)
        for turns in (0, 1, 3, 2):
            if _alphanumeric(read(np.ascontiguousarray(np.rot90(pixels, turns)))) == wanted:
                found[number] = turns
                break
    return found


def as_bytes(image: Tensor) -> np.ndarray:
    """`(3, H, W)` in [0, 1] as `(H, W, 3)` uint8."""
    return np.ascontiguousarray((image * 255).round().byte().permute(1, 2, 0).numpy())


def _mostly_capitals(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return sum(c.isupper() for c in letters) >= 0.9 * len(letters)


def _alphanumeric(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
