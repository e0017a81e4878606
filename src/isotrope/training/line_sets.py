"""Select the lines of a labeled set that a model can be trained and validated on."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from isotrope.data.lines import LabeledLines

logger = logging.getLogger(__name__)

_NAMED = 5
"""How many lines without use are named in the log."""


def usable(
    lines: LabeledLines,
    held_out: int,
    writable: Callable[[str], bool],
    unfit: Callable[[LabeledLines, int], str],
    valid: LabeledLines | None = None,
) -> tuple[LabeledLines, LabeledLines]:
    """The lines to train on, and every `held_out`-th line for validation; logs what is left out.

    Args:
        writable: Whether the model can write a text.
        unfit: Why the model cannot learn from the line with this number; empty if it can.
        valid: The lines for validation, if they are a set of their own; then all of `lines` are
            for training.

    Raises:
        ValueError: One of the two parts is empty.
    """
    # Open all images now, so that a bad one does not end the training later; decode only the
    # held-out ones, which are read at every validation.
    train = _learnable(lines, writable, unfit)
    if valid is None:
        train, held = train.split(held_out)
        remedy = f"give at least {held_out} lines that the model can write"
    else:
        held = _learnable(valid, writable, unfit)
        remedy = "give lines that the model can write in both sets"
    held = held.keep(_without(lambda number, _: held[number] and "", held))
    if not len(train) or not len(held):
        raise ValueError(
            f"{lines.path}: {len(train)} lines to train on and {len(held)} held out; {remedy}"
        )
    return train, held


def _learnable(
    lines: LabeledLines, writable: Callable[[str], bool], unfit: Callable[[LabeledLines, int], str]
) -> LabeledLines:
    """The lines that the model can write and learn from; the others are logged."""
    kept = lines.keep(lambda _, text: bool(text) and writable(text))
    if left_out := len(lines) - len(kept):
        written = set().union(*(text for _, text in lines.items))
        unknown = "".join(sorted(c for c in written if not writable(c)))
        logger.warning(
            "%s: %d of %d lines left out: empty, longer than the model writes, or with characters "
            "outside its charset%s",
            *(lines.path, left_out, len(lines)),
            f": {unknown[:20]}" if unknown else "",
        )
    return kept.keep(_without(lambda number, _: unfit(kept, number), kept))


def chosen(lines: LabeledLines, count: int | None, seed: int) -> LabeledLines:
    """`count` lines drawn by the seed; None: all lines."""
    if count is None:
        return lines
    places = set(np.random.default_rng(seed).permutation(len(lines))[:count].tolist())
    return lines.keep(lambda number, _: number in places)


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, evenly spread."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int).tolist()


def _without(problem: Callable[[int, str], str], lines: LabeledLines) -> Callable[[int, str], bool]:
    """A test that a line has no problem; it logs the first few that have one, and that there are
    more."""
    found = 0

    def fits(number: int, text: str) -> bool:
        nonlocal found
        try:
            reason = problem(number, text)
        except (ValueError, OSError) as error:
            reason = str(error)
        if reason:
            found += 1
            if found <= _NAMED:
                logger.warning("%s: %s left out: %s", lines.path, lines.items[number][0], reason)
            elif found == _NAMED + 1:
                logger.warning("%s: more lines are left out; the end says how many", lines.path)
        return not reason

    return fits
