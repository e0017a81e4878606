"""Correct labels with a teacher that reads upright print well: letter case, and which way is up.

Two public sets need this. The labels of the receipts are all in capitals; some words of ICDAR 2015
really are turned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

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


def recased(label: str, found: str) -> str:
    """A label in capitals in the case that the teacher reads, letter by letter.

    A letter that the teacher reads otherwise gets the case of its neighbors.

    Args:
        label: The text, right but for its case.
        found: What the teacher reads.
    """
    upper, seen = _capitals(label), _capitals(found)
    case: list[bool | None] = [None] * len(label)  # whether a letter is a capital
    blocks = SequenceMatcher(None, upper, seen, autojunk=False).get_matching_blocks()
    for start, other, size in blocks:
        for at, to in zip(range(start, start + size), range(other, other + size), strict=True):
            case[at] = found[to].isupper() if found[to].isalpha() else None
    letters = list(label)
    for at, letter in enumerate(label):
        if letter.isalpha() and not (_near(case, label, at) if case[at] is None else case[at]):
            letters[at] = letter.lower()
    return "".join(letters)


def _near(case: Sequence[bool | None], letters: str, at: int) -> bool:
    """Whether a letter is a capital, by the nearest known ones of its word; a first letter is."""
    for step in (-1, 1):
        place = at + step
        while 0 <= place < len(letters) and letters[place].isalpha():
            if (known := case[place]) is not None:
                # The one before it may be the only capital of the word.
                alone = step < 0 and known and (place == 0 or not letters[place - 1].isalpha())
                if not alone:
                    return known if step < 0 else known or not _before(letters, at)
            place += step
    return True


def _before(letters: str, at: int) -> bool:
    return at > 0 and letters[at - 1].isalpha()


def _capitals(text: str) -> str:
    """The text in capitals, character by character, so that places stay the same."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


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
