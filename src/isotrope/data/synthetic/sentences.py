"""Sentences of books and phrase lists, cut to the length of a line."""

from __future__ import annotations

import bisect
import gzip
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from isotrope.text.charset import in_charset

_HYPHENATED = 0.1  # fraction of lines that end within a word
_TRIES = 30


class Sentences:
    """Draws pieces of running text of up to `max_characters`, cut between words.

    Spelling, quotes and punctuation are unchanged. Files are equally likely, as are the characters
    in a file. Some lines end within a word, with a hyphen.

    Args:
        paths: text files, plain or `.gz`, a paragraph a line, or `.zip` archives of tab-separated
            pairs of sentences, each side of which is a separate text. UTF-8.
        max_characters: the longest piece; lengths are uniform from a fifth of it.

    Raises:
        ValueError: There is no path; or, on the first draw, a file is missing or has no text.
    """

    def __init__(self, paths: Sequence[str | Path], max_characters: int = 60) -> None:
        if not paths:
            raise ValueError("paths is empty; name at least one file of paragraphs")
        if max_characters < 4:
            raise ValueError(
                f"max_characters={max_characters} leaves no room for words: give 4 or more"
            )
        self.paths = tuple(str(path) for path in paths)
        self.max_characters = max_characters

    def draw(self, rng: np.random.Generator) -> str:
        """Draw a piece of text of 1 to `max_characters` characters in CHARSET."""
        for _ in range(_TRIES):
            corpus = read_corpus(self.paths[int(rng.integers(len(self.paths)))])
            length = int(rng.integers(max(4, self.max_characters // 5), self.max_characters + 1))
            piece = _piece(corpus, rng, length)
            if piece and in_charset(piece):
                return piece
        raise ValueError(f"{', '.join(self.paths)}: no text of known characters; give other files")

    def word(self, rng: np.random.Generator) -> str:
        """Draw one word with its punctuation."""
        for _ in range(_TRIES):
            words = self.draw(rng).split()
            word = words[int(rng.integers(len(words)))]
            if len(word) <= self.max_characters:
                return word
        return word


@dataclass(frozen=True)
class Corpus:
    """Paragraphs, and the cumulative number of characters at the end of each."""

    paragraphs: list[str]
    ends: list[int]

    def place(self, position: int) -> tuple[str, int]:
        """Find the paragraph of the character at `position`, and its offset within."""
        number = bisect.bisect_right(self.ends, position)
        start = self.ends[number - 1] if number else 0
        return self.paragraphs[number], position - start


@lru_cache(maxsize=32)
def read_corpus(path: str) -> Corpus:
    """Read the paragraphs of a file, composed (NFC), with single spaces; see `Sentences`."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is no file; name one of paragraphs")
    try:
        lines = list(_lines(Path(path)))
    except (OSError, EOFError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read ({error}); give UTF-8 text") from error
    paragraphs = [" ".join(unicodedata.normalize("NFC", line).split()) for line in lines]
    paragraphs = [paragraph for paragraph in paragraphs if paragraph]
    if not paragraphs:
        raise ValueError(f"{path} has no text; give a file with a paragraph a line")
    return Corpus(paragraphs, list(accumulate(map(len, paragraphs))))


def _lines(path: Path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in sorted(filter(_is_text, archive.namelist())):
                text = archive.read(name).decode("utf-8-sig")
                pairs = (line.split("\t")[:2] for line in text.split("\n") if "\t" in line)
                yield from (side for pair in pairs for side in pair)
    elif path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig") as file:
            yield from file
    else:
        yield from path.read_text("utf-8-sig").split("\n")


def _is_text(name: str) -> bool:
    """Whether an archive member is a list of sentences, not hidden and not a readme."""
    hidden = any(part.startswith((".", "_")) for part in name.split("/"))
    return name.endswith((".txt", ".tsv")) and not hidden


def _piece(corpus: Corpus, rng: np.random.Generator, length: int) -> str:
    """Take whole words from a random position, up to `length` characters in total."""
    paragraph, at = corpus.place(int(rng.integers(corpus.ends[-1])))
    if len(paragraph) <= length:
        return paragraph
    start = paragraph.rfind(" ", 0, at + 1) + 1
    end = start + length
    if end >= len(paragraph):
        return paragraph[start:].strip()
    cut = paragraph.rfind(" ", start, end + 1)
    if cut < 0:  # the first word is longer
        return ""
    piece, rest = paragraph[start:cut], paragraph[cut + 1 :].split(" ", 1)[0]
    room = length - len(piece) - 2
    if rng.random() < _HYPHENATED and room >= 2 and len(rest) >= 5 and rest.isalpha():
        piece += " " + rest[: min(room, len(rest) - 2)] + "-"
    return piece.strip()
