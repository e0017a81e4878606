"""CTC: from a distribution a column to a text, with how sure each character is. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from isotrope.ocr.recognition.constants import BLANK

NOTHING = 0.15
"""How probable it may be that all characters of a text are wrong. Chosen once, on 320 generated
images without text and 1,901 words and lines."""

DOTS_AND_DASHES = frozenset(".,:;'\"`´‘’‚‹›“”„·•°-‐–—_=~^|/\\⸗…")
MARKS = 3
"""Dots and dashes that are read where they stand alone: an ellipsis, a dotted or a drawn line."""


@dataclass(frozen=True)
class Decoded:
    """A text read from columns.

    Args:
        text: the characters.
        confidences: how likely each character is right: the highest probability among its columns,
            calibrated where the model says how (`calibration.Calibration`).
        columns: of each character, `(first, last)` of its columns.
        log_likelihood: of the best path, a column on average.
        length: columns in all.
        probability: that all of the text is right; None where the model does not say.
    """

    text: str
    confidences: tuple[float, ...]
    columns: tuple[tuple[int, int], ...]
    log_likelihood: float
    length: int
    probability: float | None = None

    @property
    def confidence(self) -> float:
        """The probability of the whole text, or else the geometric mean over its characters.

        0 where there is no text.
        """
        if not self.confidences:
            return 0.0
        if self.probability is not None:
            return self.probability
        return geometric_mean(self.confidences)

    def narrowed(self, length: int) -> Decoded:
        """The same text on `length` columns: what was read of a stretched line, on the line."""
        share = length / self.length
        columns = tuple(
            (int(first * share), max(int(first * share), int((last + 1) * share) - 1))
            for first, last in self.columns
        )
        return replace(self, columns=columns, length=length)

    @property
    def is_text(self) -> bool:
        """Whether this is text, and not what a recognizer makes of an image without any.

        On gradients and textures a recognizer reads a few characters, none of them surely. It must
        be improbable that all are wrong: `prod_i (1 - q_i) <= NOTHING`. One rather sure character
        is enough, and so are many unsure ones: a hard line is text, even where it is hardly ever
        right from end to end. Spots, edges and stripes really do look like dots and dashes, so
        fewer than `MARKS` of those alone are no text, however sure they are.
        """
        if len(self.text) < MARKS and all(sign in DOTS_AND_DASHES for sign in self.text):
            return False
        return float(np.prod(1 - np.asarray(self.confidences))) <= NOTHING


def geometric_mean(probabilities: ArrayLike) -> float:
    """`(prod_i p_i)^(1/n)` of one probability or more; one of 0 counts as 1e-9."""
    return float(np.exp(np.mean(np.log(np.maximum(probabilities, 1e-9)))))


def decode(probabilities: np.ndarray, charset: str) -> Decoded:
    """The best path (Graves et al. 2006): runs of one class are one character, blanks are none.

    Args:
        probabilities: `(columns, classes)`; class 0 is the blank, class `i + 1` is `charset[i]`.
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
        len(best),
    )


def join(parts: Sequence[Decoded]) -> Decoded:
    """The pieces of one line, read one by one, as one reading; spaces stand between them.

    Columns are counted on from piece to piece. The whole is not calibrated yet: do that afterwards.
    """
    if len(parts) == 1:
        return parts[0]
    said = [part for part in parts if part.text]
    text = " ".join(part.text for part in said)
    confidences: list[float] = []
    columns: list[tuple[int, int]] = []
    shift = 0
    for part in parts:
        if part.text and confidences:  # the space between, as sure as what it stands between
            confidences.append(min(confidences[-1], part.confidences[0]))
            columns.append((shift, shift))
        confidences += part.confidences
        columns += [(a + shift, b + shift) for a, b in part.columns]
        shift += part.length
    mean = sum(part.log_likelihood * part.length for part in parts) / max(1, shift)
    return Decoded(text, tuple(confidences), tuple(columns), mean, shift)
