"""Texts for pages: running text, headings, names, numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isotrope.data.draws import pick
from isotrope.data.synthetic import numerals
from isotrope.data.synthetic.lexicon import TextSource, blackletter
from isotrope.data.synthetic.sentences import Sentences, read_corpus

_LABELS = (
    "Name", "Vorname", "Nom", "Prénom", "Date", "Datum", "Address", "Adresse", "Straße", "City",
    "Ville", "Ort", "Postal code", "PLZ", "Telephone", "Tel.", "Fax", "E-mail", "No.", "Nr.", "N°",
    "Signature", "Unterschrift", "Total", "Betrag", "Montant", "Amount", "Reference", "Our ref.",
    "Subject", "Betreff", "Objet", "Date of birth", "Né le", "geboren am", "Profession", "Beruf",
    "Remarks", "Bemerkungen", "Observations", "Quantity", "Price", "Prix", "Weight", "Gewicht",
    "From", "To", "Von", "An", "Page", "Section", "Account", "Konto", "Département", "Commune",
    "Occupation", "Marital status", "Nationality", "Approved by", "Received", "Reçu", "Paid",
)  # fmt: skip
_NUMBERS = (
    numerals.integer, numerals.grouped, numerals.price, numerals.date, numerals.time,
    numerals.measure, numerals.phone, numerals.code,
)  # fmt: skip
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIV", "XIX")


class Writing:
    """Draws texts, from books if there are any, or else random words.

    Args:
        sentences: The books.
    """

    def __init__(self, sentences: Sentences | None = None) -> None:
        self.sentences = sentences
        self.words_alone = TextSource(1.0, 60)

    def paragraphs(self, rng: np.random.Generator, fraktur: bool = False) -> Iterator[str]:
        """Successive paragraphs of one book, endlessly, from a random place on."""
        if self.sentences is None:
            while True:
                count = int(rng.integers(2, 12))
                text = " ".join(self.words_alone.draw(rng) for _ in range(count))
                yield blackletter(text) if fraktur else text
        corpus = read_corpus(pick(rng, self.sentences.paths))
        number = int(rng.integers(len(corpus.paragraphs)))
        while True:
            text = corpus.paragraphs[number % len(corpus.paragraphs)]
            yield blackletter(text) if fraktur else text
            number += 1

    def phrase(self, rng: np.random.Generator, least: int = 4, most: int = 40) -> str:
        """A few words of `least` to `most` characters or a little less."""
        length = int(rng.integers(least, most + 1))
        text = next(self.paragraphs(rng))
        start = text.rfind(" ", 0, int(rng.integers(len(text))) + 1) + 1
        piece = text[start : start + length]
        if start + length < len(text) and " " in piece.strip():
            piece = piece[: piece.rstrip().rfind(" ")]
        return piece.strip() or pick(rng, _LABELS)

    def heading(self, rng: np.random.Generator, most: int = 40) -> str:
        """A phrase as a title: often in capitals, with or without a number."""
        text = self.phrase(rng, 5, most).strip(" .,;:-–—„“”\"'»«")
        draw = rng.random()
        if draw < 0.35:
            text = text.upper()
        elif draw < 0.6:
            text = text.title()
        else:
            text = text[:1].upper() + text[1:]
        if rng.random() < 0.25:
            text = f"{pick(rng, _ROMAN)}. {text}"
        elif rng.random() < 0.15:
            text = f"{int(rng.integers(1, 12))}.{int(rng.integers(1, 9))} {text}"
        return text or "Contents"

    def label(self, rng: np.random.Generator) -> str:
        """What a form asks for, or a phrase."""
        return pick(rng, _LABELS) if rng.random() < 0.7 else self.phrase(rng, 4, 18)

    def number(self, rng: np.random.Generator) -> str:
        """Digits of some kind."""
        return pick(rng, _NUMBERS)(rng)

    def entry(self, rng: np.random.Generator, most: int = 24) -> str:
        """What is filled into a form: a number or a phrase."""
        return self.number(rng) if rng.random() < 0.5 else self.phrase(rng, 2, most)

    def folio(self, rng: np.random.Generator) -> str:
        """A page number."""
        number = str(int(rng.integers(1, 900)))
        forms = [number, number, number, f"- {number} -", f"[{number}]", f"— {number} —",
                 f"Page {number}", f"{number} / 900", pick(rng, _ROMAN).lower()]  # fmt: skip
        return pick(rng, forms)
