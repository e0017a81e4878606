"""Metrics for readings: character and word error rates, word accuracy.

All compare texts in Unicode's composed form (NFC), so é equals é however it was typed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import jiwer


def cer(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Character error rate: edits (insertions, deletions, substitutions) / reference characters.

    Counted over all texts together. Spaces count, except at the ends of a text.

    Args:
        predictions: What was read.
        references: The true texts, in the same order. For an empty text, everything read counts as
            insertions. If all are empty, the number of insertions is returned.

    Returns:
        0 for a perfect reading. It can exceed 1 if there are many insertions.

    Raises:
        ValueError: The sequences differ in length or are empty.
    """
    predictions, references = _pair(predictions, references)
    return float(jiwer.cer(references, predictions))


def wer(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Word error rate: like `cer`, with space-separated words in place of characters."""
    predictions, references = _pair(predictions, references)
    return float(jiwer.wer(references, predictions))


def word_accuracy(
    predictions: Sequence[str],
    references: Sequence[str],
    case_sensitive: bool = True,
    alphanumeric: bool = False,
) -> float:
    """Fraction of texts read without any error.

    Scene-text benchmarks are quoted with `case_sensitive=False, alphanumeric=True`.

    Args:
        predictions: What was read.
        references: The true texts, in the same order.
        case_sensitive: Whether upper and lower case count as different.
        alphanumeric: Whether only letters and digits (of any script) are compared.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: The sequences differ in length or are empty.
    """
    predictions, references = _pair(predictions, references)

    def key(text: str) -> str:
        text = text if case_sensitive else text.casefold()
        return "".join(filter(str.isalnum, text)) if alphanumeric else text

    right = sum(key(read) == key(true) for read, true in zip(predictions, references, strict=True))
    return right / len(references)


def _pair(predictions: Sequence[str], references: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return both as lists of composed texts, after checking that their lengths agree."""
    if isinstance(predictions, str) or isinstance(references, str):
        raise ValueError("a single text; give lists of texts, such as [text]")
    if len(predictions) != len(references) or not references:
        raise ValueError(
            f"{len(predictions)} predictions for {len(references)} references; "
            "give one for each, and at least one"
        )
    return _composed(predictions), _composed(references)


def _composed(texts: Sequence[str]) -> list[str]:
    return [unicodedata.normalize("NFC", text) for text in texts]
