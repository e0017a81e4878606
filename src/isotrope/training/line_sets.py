"""The lines of a labelled set that a model can be trained on and validated on."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from isotrope.data.lines import LabelledLines

logger = logging.getLogger(__name__)


def usable(
    lines: LabelledLines,
    held_out: int,
    writable: Callable[[str], bool],
    unfit: Callable[[float, str], str],
) -> tuple[LabelledLines, LabelledLines]:
    """The lines to train on, and every `held_out`-th; what is left out is logged.

    Args:
        writable: Whether the model can write a text.
        unfit: Why the model cannot learn from an image of this width over height with this text;
            empty where it can.

    Raises:
        ValueError: Too few for one of the two parts.
    """
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

    def refused(number: int, text: str) -> str:
        return unfit(kept.ratio(number), text)

    # All images are opened now, or one would end the training later; only those that are read
    # again and again are decoded.
    train, valid = kept.keep(_without(refused, kept)).split(held_out)
    valid = valid.keep(_without(lambda number, _: valid[number] and "", valid))
    if not len(train) or not len(valid):
        raise ValueError(
            f"{lines.path}: {len(train)} lines to train on and {len(valid)} held out; "
            f"give at least {held_out} lines that the model can write"
        )
    return train, valid


def chosen(lines: LabelledLines, count: int | None, seed: int) -> LabelledLines:
    """That many of the lines, drawn by the seed; None: all."""
    if count is None:
        return lines
    places = set(np.random.default_rng(seed).permutation(len(lines))[:count].tolist())
    return lines.keep(lambda number, _: number in places)


def _without(
    problem: Callable[[int, str], str], lines: LabelledLines
) -> Callable[[int, str], bool]:
    """Whether a line has no problem; one that has is logged."""

    def fits(number: int, text: str) -> bool:
        try:
            reason = problem(number, text)
        except (ValueError, OSError) as error:
            reason = str(error)
        if reason:
            logger.warning("%s: %s left out: %s", lines.path, lines.items[number][0], reason)
        return not reason

    return fits
