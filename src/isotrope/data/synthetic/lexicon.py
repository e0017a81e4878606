"""Texts to render: words, addresses and short lines, as in scenes and on pages."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import numpy as np

from isotrope.data.draws import Categorical, characters, pick
from isotrope.data.synthetic import numerals
from isotrope.text.charset import CHARSET, in_charset

# Fraction of each language among non-English words.
OTHER_LANGUAGES = {
    "de": 5, "fr": 5, "es": 4, "it": 3, "pt": 3, "nl": 2, "pl": 3, "sv": 2, "cs": 3, "da": 1,
    "fi": 1, "hu": 2, "tr": 2, "ro": 2, "nb": 1, "ca": 1, "sk": 1, "sl": 1, "lt": 1,
    "lv": 1, "is": 1,
}  # fmt: skip
KINDS = {"english": 0.58, "other": 0.235, "number": 0.10, "random": 0.035, "rare": 0.05}
CASES = {"lower": 0.30, "capitalised": 0.27, "upper": 0.38, "mixed": 0.05}
SCENE_KINDS = {"english": 0.765, "other": 0.04, "number": 0.13, "random": 0.05, "rare": 0.015}
SCENE_CASES = {"lower": 0.20, "capitalised": 0.28, "upper": 0.49, "mixed": 0.03}
LINE_CASES = {"lower": 0.15, "sentence": 0.45, "capitalised": 0.20, "upper": 0.20}

_ENGLISH_SIZE, _OTHER_SIZE = 60_000, 20_000
_FLATTENING = 0.5  # exponent of frequencies, so that rare words occur too
_SCENE_FLATTENING = 0.8  # signs use short, common words
_ACCENTED = 3  # weight of words with accented letters
_ENDINGS = [",", ".", ":", ";", "!", "?", "…", "-", "'s", "’s", "®", "™", "*", "†", "..."]
_ENDING_WEIGHTS = [20, 20, 8, 4, 8, 6, 1, 2, 6, 3, 1, 1, 1, 1, 2]
_PAIRS = ['""', "''", "()", "“”", "‘’", "„“", "«»", "»«", "[]", "‹›", "‚‘",
          "<>", "{}", "⟦⟧", "**"]  # fmt: skip
_PAIR_WEIGHTS = [20, 12, 25, 12, 5, 5, 5, 2, 4, 1, 1, 1, 1, 1, 1]
_DOMAINS = ["com", "org", "net", "de", "fr", "co.uk", "eu", "io", "edu", "it", "nl", "es",
            "pl", "info"]  # fmt: skip
_JOINTS = ["-", "-", "-", "/", "&", "–", "'", "+", ".", "_", " & ", " – ", " — ", "—"]

# The ss of "heisst", "Strasse", "gross", "ausser" (and of a few words spelled with ss).
_SHARP_S = re.compile(
    r"(?<=ei|ie|eu|äu)ss|(?<=au)ss(?=e[nr])|(?<=gro|grö|grü|tra|spa)ss|(?<=fu|fü|sü|to|tö)ss"
)


_LONG_S = re.compile(r"s(?=[a-zäöüß])")


@cache
def word_distribution(language: str, size: int, flattening: float = _FLATTENING) -> Categorical:
    """Distribution of a language's `size` most frequent words by frequency ** `flattening`.

    Words are lower case. Accented words count three times, since most of CHARSET is accented.
    """
    import wordfreq

    words, weights = [], []
    wordlist = "large" if language == "en" else "small"
    for centibels, bucket in enumerate(wordfreq.get_frequency_list(language, wordlist)):
        kept = [word for word in bucket if word.isalpha() and in_charset(word)]
        if language == "de":  # wordfreq folds ß into ss
            kept = [_SHARP_S.sub("ß", word) for word in kept]
        words += kept
        weight = 10 ** (-centibels / 100 * flattening)
        weights += [weight * (1 if word.isascii() else _ACCENTED) for word in kept]
        if len(words) >= size:
            break
    wordfreq.get_frequency_list.cache_clear()  # else it keeps every word of every list
    return Categorical(words[:size], weights[:size])


class TextSource:
    """Draws words, or with probability `lines` lines of words, with characters in CHARSET.

    `draw(rng)` depends only on the generator's state. Texts have 1 to `max_characters` characters
    and do not begin or end with a space. `scene`: texts as on signs and covers: common English
    words, half of them in capitals, few accents and little punctuation.
    """

    def __init__(self, lines: float = 0.1, max_characters: int = 40, scene: bool = False):
        if not 0 <= lines <= 1:
            raise ValueError(f"lines={lines} is a probability: give 0 to 1")
        if max_characters < 4:
            raise ValueError(
                f"max_characters={max_characters} leaves no room for words: give 4 or more"
            )
        self.lines = lines
        self.max_characters = max_characters
        self.scene = scene

    def draw(self, rng: np.random.Generator) -> str:
        """Draw a word or line of at most `max_characters` characters."""
        while True:
            if rng.random() < self.lines:
                text = _line(rng, self.max_characters)
            else:
                text = _sign(rng) if self.scene else _single(rng)
            if 0 < len(text) <= self.max_characters and in_charset(text):
                return text


def _single(rng) -> str:
    """Draw a word with case and punctuation, a number, or a string of characters."""
    kind = _KIND.draw(rng)
    if kind == "number":
        return _NUMBER.draw(rng)(rng)
    if kind == "random":
        return characters(rng, _PRINTABLE, 1 + int(rng.geometric(0.2)))
    if kind == "rare":
        return _with_rare_characters(rng)
    word = _cased(_word(rng, _language(rng, kind)), _CASE.draw(rng), rng)
    if rng.random() < 0.06:
        second = _word(rng, _language(rng, kind))
        word += pick(rng, _JOINTS) + (second.upper() if word.isupper() else second)
    return _punctuated(word, rng, 0.2)


def _sign(rng) -> str:
    """Draw a word as seen in scenes."""
    kind = _SCENE_KIND.draw(rng)
    if kind == "number":
        return _NUMBER.draw(rng)(rng)
    if kind == "random":
        return characters(rng, _ALPHANUMERIC, 1 + int(rng.geometric(0.3)))
    if kind == "rare":
        return _with_rare_characters(rng)
    if kind == "other":
        word = _word(rng, _OTHER.draw(rng))
    else:
        word = word_distribution("en", _ENGLISH_SIZE, _SCENE_FLATTENING).draw(rng)
    word = _cased(word, _SCENE_CASE.draw(rng), rng)
    if rng.random() < 0.02:
        word += pick(rng, _JOINTS) + word_distribution("en", _ENGLISH_SIZE).draw(rng)
    return _punctuated(word, rng, 0.08)


def _line(rng, limit: int) -> str:
    """Draw 2-6 words (up to `limit` / 6 if that is more) of one language in one case."""
    language, case = _language(rng, _WORD_KIND.draw(rng)), _LINE_CASE.draw(rng)
    line = ""
    for place in range(int(rng.integers(2, max(7, limit // 6)))):
        if rng.random() < 0.08:
            word = _NUMBER.draw(rng)(rng)
        else:
            style = ("capitalised" if place == 0 else "lower") if case == "sentence" else case
            word = _punctuated(_cased(_word(rng, language), style, rng), rng, 0.12)
        joined = f"{line} {word}" if line else word
        if len(joined) > limit:
            break
        line = joined
    return line


def _language(rng, kind: str) -> str:
    return "en" if kind == "english" else _OTHER.draw(rng)


def _word(rng, language: str) -> str:
    """Draw a lower-case word, redrawing short ones half the time, as they fill the top ranks."""
    words = word_distribution(language, _ENGLISH_SIZE if language == "en" else _OTHER_SIZE)
    word = words.draw(rng)
    return words.draw(rng) if len(word) < 3 and rng.random() < 0.5 else word


def _cased(word: str, case: str, rng) -> str:
    if case == "upper":
        return word.upper()
    if case == "capitalised":
        return word[:1].upper() + word[1:]
    if case == "mixed":
        at = int(rng.integers(1, len(word) + 1))
        return word[:1].upper() + word[1:at] + word[at : at + 1].upper() + word[at + 1 :]
    return word


def _punctuated(word: str, rng, probability: float) -> str:
    if rng.random() >= probability:
        return word
    if rng.random() < 0.3:
        pair, side = _PAIR.draw(rng), rng.random()
        return (pair[0] if side < 0.8 else "") + word + (pair[1] if side > 0.2 else "")
    if rng.random() < 0.12:
        return pick(rng, "#@-–&+•*—¿¡$§~/\\=|^`_<>") + word
    return word + _ENDING.draw(rng)


def _with_rare_characters(rng) -> str:
    """Draw a word with letters that are rare in ordinary text, so that every class is seen."""
    letters = list(_word(rng, "de" if rng.random() < 0.5 else "en"))
    style = rng.random()
    if style < 0.25:  # the long s and r rotunda of older print
        text = "".join(letters[:-1]).replace("s", "ſ") + letters[-1]
        return text.replace("or", "oꝛ") if rng.random() < 0.5 else text
    if style < 0.3:
        return "".join(letters).replace("ä", "aͤ").replace("ö", "oͤ").replace("ü", "uͤ")
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(letters)))
        variants = _VARIANTS.get(letters[at], _RARE) if rng.random() < 0.4 else _RARE
        letters[at] = pick(rng, variants)
    return "".join(letters).upper() if rng.random() < 0.3 else "".join(letters)


def blackletter(text: str) -> str:
    """Use the long s of older print, except at word ends, and the oblique hyphen."""
    text = _LONG_S.sub("ſ", text)
    return text[:-1] + "⸗" if re.search(r"[a-zäöüß]-$", text) else text


def _address(rng) -> str:
    """Draw a web or mail address."""
    name, domain = _word(rng, "en"), f"{_word(rng, 'en')}.{pick(rng, _DOMAINS)}"
    forms = [
        f"www.{domain}",
        domain,
        f"{name}@{domain}",
        f"https://{domain}/{name}",
        f"http://www.{domain}",
        f"{domain}/{name}",
        f"{name}.{_word(rng, 'en')}@{domain}",
        f"@{name}",
        f"#{name}",
        f"{name}_{numerals.digits(rng, 1, 3)}",
    ]
    text = pick(rng, forms)
    return text.upper() if rng.random() < 0.2 else text


_PRINTABLE = CHARSET[1:95]
_ALPHANUMERIC = "".join(c for c in _PRINTABLE if c.isalnum())
_RARE = CHARSET[95:]
_VARIANTS = {  # a letter's accented forms
    base: [c for c in _RARE if unicodedata.normalize("NFD", c)[0] == base and c.isalpha()]
    for base in "acdeghijklnorstuwyz"
}
_KIND = Categorical(KINDS, list(KINDS.values()))
_WORD_KIND = Categorical(["english", "other"], [KINDS["english"], KINDS["other"]])
_CASE = Categorical(CASES, list(CASES.values()))
_SCENE_KIND = Categorical(SCENE_KINDS, list(SCENE_KINDS.values()))
_SCENE_CASE = Categorical(SCENE_CASES, list(SCENE_CASES.values()))
_LINE_CASE = Categorical(LINE_CASES, list(LINE_CASES.values()))
_OTHER = Categorical(OTHER_LANGUAGES, list(OTHER_LANGUAGES.values()))
_ENDING = Categorical(_ENDINGS, _ENDING_WEIGHTS)
_PAIR = Categorical(_PAIRS, _PAIR_WEIGHTS)
_NUMBERS = {
    numerals.integer: 18,
    numerals.grouped: 8,
    numerals.price: 14,
    numerals.date: 12,
    numerals.time: 8,
    numerals.measure: 10,
    numerals.phone: 7,
    _address: 13,
    numerals.code: 10,
}
_NUMBER = Categorical(_NUMBERS, list(_NUMBERS.values()))
