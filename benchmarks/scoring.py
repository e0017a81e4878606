"""Score readings: error rates, word accuracy, and equal text at four turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from isotrope.text.metrics import cer, word_accuracy
from readers import Read


def texts_of(reads: Iterable[Read]) -> list[str]:
    """Return the texts with single spaces, as in labels."""
    return [" ".join(read.text.split()) for read in reads]


def scores(reads: Sequence[Read], truth: Sequence[str], angle: int) -> dict[str, float | None]:
    """Measures for one set at one angle, by column of the results."""
    texts = texts_of(reads)
    small = [[text.casefold() for text in column] for column in (texts, truth)]
    return {
        "cer": cer(texts, truth),
        "cer_nocase": cer(*small),
        "exact": word_accuracy(texts, truth),
        "alphanumeric": word_accuracy(texts, truth, case_sensitive=False, alphanumeric=True),
        "orientation": orientation_right(reads, angle),
    }


def orientation_right(reads: Sequence[Read], angle: int) -> float | None:
    """Fraction of images whose orientation was found to within 45 degrees.

    A missing orientation counts as wrong; None if the reader never gives one.
    """
    found = [read.orientation for read in reads]
    if all(degrees is None for degrees in found):
        return None
    return fmean(
        degrees is not None and abs((degrees - angle + 180) % 360 - 180) <= 45 for degrees in found
    )


def same_text(turns: Sequence[Sequence[Read]]) -> float:
    """Fraction of images with the same non-empty text at every turn."""
    by_image = zip(*map(texts_of, turns), strict=True)
    return fmean(len(set(texts)) == 1 and texts[0] != "" for texts in by_image)
