"""CTC prefix beam search with a language model (Hannun et al. 2014). No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isotrope.ocr.recognition.constants import BLANK
from isotrope.ocr.recognition.ctc import Decoded, align, decode
from isotrope.ocr.recognition.language import Language

WIDTH = 12
"""Number of texts that are followed."""

_NEAR = 6.0
"""Texts whose score is this far below the best one's are dropped."""

_CANDIDATES, _LEAST = 8, 3e-3
"""Characters tried in a column: so many at most, and none with a lower probability."""

_SURE = 0.99
"""A line whose every column is this certain is read without a language model."""

_LOW = -1e9


@dataclass
class Beams:
    """The texts that are followed, one a row.

    Args:
        texts: Their classes.
        blank, last: `log p` of all paths that end in a blank, or in the last character.
        spoken: What the language model adds to the score.
        states: The language model's states; None: not known yet, if there is one text.
    """

    texts: list[tuple[int, ...]]
    blank: np.ndarray
    last: np.ndarray
    spoken: np.ndarray
    states: np.ndarray | None = None

    @property
    def seen(self) -> np.ndarray:
        """`log p(y | columns)`."""
        return np.logaddexp(self.blank, self.last)


def decode_with(
    language: Language, probabilities: np.ndarray, charset: str, length: float | None = None
) -> Decoded:
    """Decode columns with a language model; arguments and result as in `ctc.decode`.

    The confidence of a character is its share among the characters that its column shows, each
    weighted by the language model.
    """
    greedy = decode(probabilities, charset, length)
    if not greedy.text or probabilities.max(axis=1).min() > _SURE:
        return greedy
    classes = np.array(search(language, probabilities), np.int64)
    if not len(classes):
        return replace(greedy, text="", confidences=(), columns=())
    text = "".join(charset[c - 1] for c in classes)
    left, right = len(text) - len(text.lstrip()), len(text.rstrip())
    runs = align(probabilities, classes)
    sure = _confidences(language, probabilities, text, classes, runs)
    return replace(
        greedy,
        text=text[left:right],
        confidences=tuple(sure[left:right]),
        columns=tuple(runs[left:right]),
    )


def search(language: Language, probabilities: np.ndarray) -> tuple[int, ...]:
    """The classes of the text with the highest score."""
    logs = np.log(np.maximum(probabilities, 1e-9).astype(np.float64))
    zero = np.zeros(1)
    beams = Beams([()], zero, zero + _LOW, zero)
    for row, log in zip(probabilities, logs, strict=True):
        most = _likeliest(row)
        tried = most[(row[most] > _LEAST) & (most != BLANK)]
        stay = _kept(beams, log)
        if (certain := _certain(beams, stay, tried, log)) is not None:
            beams = certain
        else:
            beams = _extended(beams, stay, log, tried, language)
    return beams.texts[int(np.argmax(beams.seen + beams.spoken))]


def _kept(beams: Beams, log: np.ndarray) -> Beams:
    """The same texts, one column further."""
    ends = _ends(beams)
    last = np.where(ends == BLANK, _LOW, beams.last + log[ends])
    return Beams(beams.texts, beams.seen + log[BLANK], last, beams.spoken, beams.states)


def _certain(beams: Beams, stay: Beams, tried: np.ndarray, log: np.ndarray) -> Beams | None:
    """What follows whatever the language model says; None if that depends on it."""
    if not len(tried):
        return stay
    if len(beams.texts) > 1 or len(tried) > 1:
        return None
    (text,), one = beams.texts, int(tried[0])
    again = bool(text) and text[-1] == one
    longer = (beams.blank if again else beams.seen) + log[one]
    gain = float(longer[0] - stay.seen[0])
    if abs(gain) < _NEAR:
        return None
    return Beams([(*text, one)], np.full(1, _LOW), longer, beams.spoken) if gain > 0 else stay


def _extended(
    beams: Beams, stay: Beams, log: np.ndarray, tried: np.ndarray, language: Language
) -> Beams:
    """One column further: every text stays as it is, or gets one of the tried classes."""
    texts, fusion = beams.texts, language.fusion
    now = language.after(texts[0]) if beams.states is None else beams.states
    likely, states = language.step(now, tried)
    spoken = beams.spoken[:, None] + fusion.weight * likely + fusion.bonus
    # A character twice in a row needs a blank between.
    before = np.where(_ends(beams)[:, None] == tried, beams.blank[:, None], beams.seen[:, None])
    longer = before + log[tried]
    rows = {text: row for row, text in enumerate(texts)}
    columns = {int(one): column for column, one in enumerate(tried)}
    for row, text in enumerate(texts):  # a longer text that is followed already
        parent = rows.get(text[:-1]) if text else None
        if parent is not None and text[-1] in columns:
            column = columns[text[-1]]
            stay.last[row] = np.logaddexp(stay.last[row], longer[parent, column])
            longer[parent, column] = _LOW
    grown = [(*text, int(one)) for text in texts for one in tried]
    low = np.full(len(grown), _LOW)
    every = Beams(
        texts + grown,
        np.concatenate([stay.blank, low]),
        np.concatenate([stay.last, longer.ravel()]),
        np.concatenate([stay.spoken, spoken.ravel()]),
        np.concatenate([now, states.reshape(len(grown), -1)]),
    )
    return _best(every, language.order - 1)


def _best(beams: Beams, history: int) -> Beams:
    """The best texts. Of those that go on alike, only the best can win in the end."""
    scores = beams.seen + beams.spoken
    ranked = np.argsort(-scores, kind="stable")
    chosen: dict[tuple[int, ...], int] = {}
    for row in ranked.tolist():
        if len(chosen) == WIDTH or scores[row] < scores[ranked[0]] - _NEAR:
            break
        chosen.setdefault(beams.texts[row][-history:], row)
    rows = list(chosen.values())
    return Beams(
        [beams.texts[row] for row in rows],
        beams.blank[rows],
        beams.last[rows],
        beams.spoken[rows],
        None if beams.states is None else beams.states[rows],
    )


def _ends(beams: Beams) -> np.ndarray:
    return np.array([text[-1] if text else BLANK for text in beams.texts])


def _confidences(
    language: Language,
    probabilities: np.ndarray,
    text: str,
    classes: np.ndarray,
    runs: list[tuple[int, int]],
) -> list[float]:
    """The share of each character among the likeliest ones that its clearest column shows."""
    clearest = [
        first + int(np.argmax(probabilities[first : last + 1, one]))
        for one, (first, last) in zip(classes, runs, strict=True)
    ]
    rows = probabilities[clearest].copy()
    blank = rows[:, BLANK].copy()
    rows[:, BLANK] = 0
    places = np.arange(len(classes))
    right = rows[places, classes]
    rows[places, classes] = 0
    others = _likeliest(rows)
    weights = np.concatenate([right[:, None], np.take_along_axis(rows, others, axis=1)], axis=1)
    tried = np.maximum(np.concatenate([classes[:, None], others], axis=1), 1)  # no blank
    likely, _ = language.step(language.states(text)[:-1], tried)
    weights = weights * np.exp(language.fusion.weight * likely + language.fusion.bonus)
    return (weights[:, 0] / (weights.sum(axis=1) + blank)).tolist()


def _likeliest(rows: np.ndarray) -> np.ndarray:
    """The `_CANDIDATES` likeliest classes of each row, in any order."""
    most = min(_CANDIDATES, rows.shape[-1]) - 1
    return np.argpartition(-rows, most)[..., : most + 1]
