"""Fit the language model of an adapter to its lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from isotrope.data.lines import LabeledLines
from isotrope.ocr.recognition.beam import decode_with
from isotrope.ocr.recognition.ctc import decode
from isotrope.ocr.recognition.language import CONFIG, OWN, Fusion, Language, general, languages
from isotrope.ocr.recognition.session import LineReader, LineSession, line_pixels
from isotrope.text.metrics import cer, wer
from isotrope.text.ngrams import Ngrams, count
from isotrope.training.line_sets import evenly
from isotrope.training.relabel import as_bytes
from isotrope.training.tidy import forms

LARGEST = 40_000
"""Most n-grams of an adapter's own model: about 85 KB."""

_LEAST_SHARE = 0.05
"""A model whose share is smaller is left out: it costs time in reading, and changes little."""

WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.1)
BONUSES = (2.2, 1.6, 2.8)
"""Bonuses to try, in units of the weight."""

MOST = 200
"""Most held-out lines to choose by, evenly spread."""


def write_language(
    base: Path, adapter: Path, train: LabeledLines, valid: LabeledLines
) -> dict[str, float] | None:
    """Fit a language model to an adapter's lines and write it next to the adapter.

    Args:
        base: The folder of the recognizer.
        adapter: The folder of its adapter. A language model found there is replaced at the end, or
            removed.

    Returns:
        Character and word error rate, "cer" and "wer", on the held-out lines with it; None if it
        does not help, and none was written.
    """
    session = LineSession(base, adapter=adapter)
    held_out = [_columns(session, *valid[place]) for place in evenly(len(valid), MOST)]
    found = fit_language([text for _, text in train.items], held_out, session.charset)
    if found is None:
        for name in (CONFIG, OWN):
            (adapter / name).unlink(missing_ok=True)
        return None
    language, read = found
    language.save(adapter)
    true = [text for _, text in held_out]
    return {"cer": round(cer(read, true), 5), "wer": round(wer(read, true), 5)}


def _columns(session: LineReader, image: Tensor, text: str) -> tuple[np.ndarray, str]:
    """The columns of the form of a line that is read more confidently, and its text."""
    read = [session.probabilities(line_pixels(as_bytes(form))[None])[0] for form in forms(image)]
    return max(read, key=lambda rows: decode(rows, session.charset).confidence), text


def fit_language(
    texts: Sequence[str], held_out: Sequence[tuple[np.ndarray, str]], charset: str
) -> tuple[Language, list[str]] | None:
    """Choose the language model that makes the fewest errors on held-out lines.

    Its parts are n-grams of the training texts and the shipped models of languages; their shares
    are those under which the held-out texts are most likely (expectation maximization). Then weight
    and bonus are searched.

    Args:
        texts: The training lines' texts.
        held_out: Columns, `(columns, classes)`, and true texts of held-out lines.
        charset: The recognizer's characters.

    Returns:
        The model, and what is read of the held-out lines with it; None if no model makes fewer
        errors.
    """
    true = [text for _, text in held_out]
    parts = {"own": counted(texts)} | {name: general(name) for name in languages()}
    shares = fit_shares(parts, true)

    def read(fusion: Fusion) -> list[str]:
        language = Language(charset, parts, shares, fusion)
        return [decode_with(language, rows, charset).text for rows, _ in held_out]

    fewest = cer([decode(rows, charset).text for rows, _ in held_out], true)
    chosen: Fusion | None = None
    kept: list[str] = []
    for bonus in BONUSES:
        weights = WEIGHTS if chosen is None else (chosen.weight,)
        for weight in weights:
            fusion = Fusion(weight, round(bonus * weight, 3))
            found = read(fusion)
            if (errors := cer(found, true)) < fewest:
                fewest, chosen, kept = errors, fusion, found
    return None if chosen is None else (Language(charset, parts, shares, chosen), kept)


def counted(texts: Sequence[str], largest: int = LARGEST) -> Ngrams:
    """N-grams of texts, without the rarest if there are more than `largest`."""
    least = 1
    while len(model := count(texts, least=least)) > largest and least < 9:
        least += 1
    return model


def fit_shares(parts: dict[str, Ngrams], texts: Sequence[str]) -> dict[str, float]:
    """The shares of models in their mean under which texts are most likely, by name.

    Models with a share below `_LEAST_SHARE` are left out.
    """
    likely = np.exp(
        [
            np.concatenate([model.log_probabilities(text) for text in texts if text])
            for model in parts.values()
        ]
    )
    shares = np.full(len(parts), 1 / len(parts))
    for step in range(60):
        if step == 40:
            shares = np.where(shares < _LEAST_SHARE, 0, shares)
            shares /= shares.sum()
        owned = shares[:, None] * likely
        shares = (owned / owned.sum(axis=0)).mean(axis=1)
    return {
        name: round(float(share), 4) for name, share in zip(parts, shares, strict=True) if share > 0
    }
