"""Fit a `Calibration` on labeled text, and measure how well confidences are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np
from numpy.typing import ArrayLike

from isotrope.ocr.recognition.calibration import Calibration, Curve, logit, sigmoid, surprise
from isotrope.ocr.recognition.ctc import geometric_mean
from isotrope.text.normalise import clean

BINS = 10

_QUOTES = str.maketrans({**dict.fromkeys("“”„«»", '"'), **dict.fromkeys("’‘`", "'")})


@dataclass(frozen=True, eq=False)
class Judged:
    """A text that was read, compared with its label.

    Args:
        confidences: CTC's confidence in each character.
        right: whether each character is right.
        compared: which characters can be judged; labels without punctuation cannot judge it.
        whole: whether the whole text is right.
    """

    confidences: np.ndarray
    right: np.ndarray
    compared: np.ndarray
    whole: bool


def judge(read: str, confidences: Sequence[float], truth: str, signs: bool = True) -> Judged:
    """Compare a text with its label.

    A character is right if the alignment with the fewest edits matches it with an equal one. All
    quotation marks count as equal, because labels use different ones.

    Args:
        read: the text.
        confidences: one for each of its characters.
        truth: the label.
        signs: if False, compare only letters and digits and ignore case, as is customary for scene
            words, whose labels have no punctuation and often the wrong case.
    """
    letters = [_plain(character, signs) for character in read]
    compared = np.array([bool(letter) for letter in letters], bool)
    right = np.zeros(len(read), bool)
    truth = "".join(_plain(c, signs) for c in clean(truth).replace("''", '"').replace("``", '"'))
    # One character may become two (ß when casefolded): `places` are indices into `read`.
    places = [place for place, letter in enumerate(letters) for _ in letter]
    joined = "".join(letters)
    if joined and truth:
        for chunk in jiwer.process_characters(truth, joined).alignments[0]:
            if chunk.type == "equal":
                right[places[chunk.hyp_start_idx : chunk.hyp_end_idx]] = True
    return Judged(np.asarray(confidences, np.float64), right, compared, joined == truth)


def has_signs(labels: Sequence[str]) -> bool:
    """Whether any label has a character other than letters, digits and spaces."""
    return any(not (c.isalnum() or c == " ") for label in labels for c in label)


def fit(judged: Sequence[Judged]) -> Calibration:
    """The maximum-likelihood calibration: first of characters, then of texts.

    Empty texts are left out, because they have no confidence.

    Raises:
        ValueError: no text was read, or all of it is right, or all of it is wrong.
    """
    judged = [one for one in judged if len(one.confidences)]
    if not judged:
        raise ValueError("no text was read; give other labeled sets")
    raw, right = characters(judged)
    curve = logistic(logit(raw), right)
    half = Calibration(curve)
    surprises = [surprise(half.of_characters(one.confidences)) for one in judged]
    return Calibration(curve, logistic(surprises, [one.whole for one in judged]))


def characters(
    judged: Sequence[Judged], calibration: Calibration | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of all characters that can be judged, and whether they are right."""
    of = (calibration or Calibration()).of_characters
    probabilities = np.concatenate([of(one.confidences)[one.compared] for one in judged])
    return probabilities, np.concatenate([one.right[one.compared] for one in judged])


def texts(
    judged: Sequence[Judged], calibration: Calibration | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The confidences of all texts, and whether each text is entirely right.

    Without a calibration the confidence is the geometric mean of the characters' confidences.
    """
    calibration = calibration or Calibration()
    confidences = []
    for one in judged:
        q = calibration.of_characters(one.confidences)
        if not len(q):
            confidences.append(0.0)
        elif calibration.text is None:
            confidences.append(geometric_mean(q))
        else:
            confidences.append(calibration.of_text(q))
    return np.array(confidences), np.array([one.whole for one in judged])


def logistic(values: ArrayLike, right: ArrayLike, steps: int = 50) -> Curve:
    """The maximum-likelihood curve `sigmoid(a + b x)`, by Newton's method.

    Slight regularization keeps it finite if right and wrong are separable by `x`.

    Raises:
        ValueError: all are right or all are wrong, so there is no maximum.
    """
    x, y = np.asarray(values, np.float64), np.asarray(right, np.float64)
    if not 0 < y.mean() < 1:
        raise ValueError(
            f"all {len(y)} are {'right' if y.all() else 'wrong'}; a curve needs both: give more, "
            "or other, labeled images"
        )
    design, weights, pull = np.stack([np.ones_like(x), x], 1), np.zeros(2), 1e-3 * np.eye(2)
    for _ in range(steps):
        p = sigmoid(design @ weights)
        slope = design.T @ (p - y) + pull @ weights
        bend = (design * (p * (1 - p))[:, None]).T @ design + pull
        step = np.linalg.solve(bend, slope)
        weights = weights - step * min(1.0, 4 / np.abs(step).max(initial=1e-12))
    return float(weights[0]), float(weights[1])


def calibration_error(probabilities: ArrayLike, right: ArrayLike) -> float:
    """The expected calibration error (Naeini et al. 2015), over ten bins of equal width.

    `sum_k n_k / n |right_k - promised_k|`: the share of right answers in each bin against the mean
    probability there.
    """
    promised, happened, counts = reliability(probabilities, right)
    return float((counts * np.abs(promised - happened)).sum() / max(1, counts.sum()))


def reliability(
    probabilities: ArrayLike, right: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, share of right answers and count of each bin that is not empty."""
    p, y = np.asarray(probabilities, np.float64), np.asarray(right, np.float64)
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    kept = counts > 0
    sums = [np.bincount(bins, values, BINS)[kept] / counts[kept] for values in (p, y)]
    return sums[0], sums[1], counts[kept]


def error_by_chance(probabilities: ArrayLike, draws: int = 50, seed: int = 0) -> float:
    """The expected calibration error of perfectly calibrated probabilities, for this sample."""
    p, rng = np.asarray(probabilities, np.float64), np.random.default_rng(seed)
    return float(np.mean([calibration_error(p, rng.random(len(p)) < p) for _ in range(draws)]))


def _plain(character: str, signs: bool) -> str:
    """The form in which a character is compared; empty if it is not compared."""
    if signs:
        return character.translate(_QUOTES)
    return character.casefold() if character.isalnum() else ""
