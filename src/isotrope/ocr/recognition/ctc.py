"""CTC decoding: from one distribution per column to a text with confidences. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from isotrope.ocr.recognition.constants import BLANK

NOTHING = 0.15
"""Highest accepted probability that all characters of a text are wrong. Chosen once, on 320
generated images without text and 1,901 words and lines."""

DOTS_AND_DASHES = frozenset(".,:;'\"`´‘’‚‹›“”„·•°-‐–—_=~^|/\\⸗…")
MARKS = 3
"""Fewest dots and dashes that count as text on their own: an ellipsis, a dotted or drawn line."""


@dataclass(frozen=True)
class Decoded:
    """A text read from columns.

    Args:
        text: the characters.
        confidences: probability that each character is right: the highest probability among its
            columns, calibrated if the model has a calibration (`calibration.Calibration`).
        columns: for each character, the `(first, last)` of its columns; fractions of columns after
            `narrowed` and `join`.
        log_likelihood: of the best path, mean per column.
        length: number of columns that the line covers, without padding.
        probability: that the whole text is right; None if the model has no calibration for it.
    """

    text: str
    confidences: tuple[float, ...]
    columns: tuple[tuple[float, float], ...]
    log_likelihood: float
    length: float
    probability: float | None = None

    @property
    def confidence(self) -> float:
        """Probability of the whole text, or else the geometric mean over its characters.

        0 if there is no text.
        """
        if not self.confidences:
            return 0.0
        if self.probability is not None:
            return self.probability
        return geometric_mean(self.confidences)

    @property
    def places(self) -> tuple[tuple[float, float], ...]:
        """The extent of each character, from 0 at the left edge of the line to 1 at the right."""
        return tuple(
            (min(1.0, first / self.length), min(1.0, (last + 1) / self.length))
            for first, last in self.columns
        )

    def narrowed(self, length: float) -> Decoded:
        """Map a text read from a stretched line back to the line's `length` columns."""
        share = length / self.length
        columns = tuple(
            (first * share, max(first * share, (last + 1) * share - 1))
            for first, last in self.columns
        )
        return replace(self, columns=columns, length=length)

    @property
    def is_text(self) -> bool:
        """Whether this is real text, and not what a recognizer reads into an image without text.

        On gradients and textures a recognizer reads a few characters, all with low confidence. Text
        requires that it is improbable that all are wrong: `prod_i (1 - q_i) <= NOTHING`. One fairly
        certain character is enough, and so are many uncertain ones: a hard line is text, even if it
        is rarely read without error. Spots, edges and stripes do look like dots and dashes, so
        fewer than `MARKS` of those alone are not text, whatever their confidence.
        """
        if len(self.text) < MARKS and all(sign in DOTS_AND_DASHES for sign in self.text):
            return False
        return float(np.prod(1 - np.asarray(self.confidences))) <= NOTHING


def geometric_mean(probabilities: ArrayLike) -> float:
    """`(prod_i p_i)^(1/n)` of one or more probabilities; 0 counts as 1e-9."""
    return float(np.exp(np.mean(np.log(np.maximum(probabilities, 1e-9)))))


def decode(probabilities: np.ndarray, charset: str, length: float | None = None) -> Decoded:
    """Decode the best path (Graves et al. 2006): merge runs of one class, drop blanks.

    Args:
        probabilities: `(columns, classes)`; class 0 is the blank, class `i + 1` is `charset[i]`.
        length: As in `Decoded`. None: the number of columns.
    """
    best = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], len(best))
    runs = [(a, b) for a, b in zip(starts, ends, strict=True) if best[a] != BLANK]
    text = "".join(charset[best[a] - 1] for a, _ in runs)
    left, right = len(text) - len(text.lstrip()), len(text.rstrip())
    runs = runs[left:right]
    return Decoded(
        text.strip(),
        tuple(float(sure[a:b].max()) for a, b in runs),
        tuple((int(a), int(b) - 1) for a, b in runs),
        float(np.log(np.maximum(sure, 1e-9)).mean()) if len(sure) else 0.0,
        len(best) if length is None else length,
    )


def align(probabilities: np.ndarray, classes: np.ndarray) -> list[tuple[int, int]]:
    """The columns of each character of a text, on the most likely path that spells it.

    Args:
        probabilities: As in `decode`.
        classes: The text's classes, at least one; it needs no more columns than there are.

    Returns:
        For each character, its first and last column.
    """
    spelled = np.full(2 * len(classes) + 1, BLANK)
    spelled[1::2] = classes
    logs = np.log(np.maximum(probabilities[:, spelled].astype(np.float64), 1e-9))
    # Skipping a blank is allowed between different characters.
    skips = np.zeros(len(spelled), bool)
    skips[3::2] = classes[1:] != classes[:-1]
    score = np.full(len(spelled), -np.inf)
    score[:2] = logs[0, :2]
    steps = np.zeros(logs.shape, np.int64)
    for column, log in enumerate(logs[1:], 1):
        one = np.concatenate([[-np.inf], score[:-1]])
        two = np.where(skips, np.concatenate([[-np.inf, -np.inf], score[:-2]]), -np.inf)
        came = np.stack([score, one, two])
        steps[column] = came.argmax(axis=0)
        score = came.max(axis=0) + log
    place = len(spelled) - 1 if score[-1] >= score[-2] else len(spelled) - 2
    path = np.zeros(len(logs), np.int64)
    for column in range(len(logs) - 1, -1, -1):
        path[column] = place
        place -= steps[column, place]
    return [
        (int(columns[0]), int(columns[-1]))
        for columns in (np.flatnonzero(path == 2 * i + 1) for i in range(len(classes)))
    ]


def join(parts: Sequence[Decoded]) -> Decoded:
    """Join the readings of the pieces of one line into one, with spaces between them.

    Column numbers continue from piece to piece. Calibrate the result afterwards.
    """
    if len(parts) == 1:
        return parts[0]
    said = [part for part in parts if part.text]
    text = " ".join(part.text for part in said)
    confidences: list[float] = []
    columns: list[tuple[float, float]] = []
    shift = 0.0
    for part in parts:
        if part.text and confidences:  # the space between, as certain as its less certain neighbor
            confidences.append(min(confidences[-1], part.confidences[0]))
            columns.append((shift, shift))
        confidences += part.confidences
        columns += [(a + shift, b + shift) for a, b in part.columns]
        shift += part.length
    mean = sum(part.log_likelihood * part.length for part in parts) / max(1.0, shift)
    return Decoded(text, tuple(confidences), tuple(columns), mean, shift)
