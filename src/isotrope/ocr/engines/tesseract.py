"""The Tesseract program, one process per batch of lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isotrope.ocr.engines.base import Transcript

_BINARY = "tesseract"


class Tesseract:
    """Reads lines with `tesseract stdin stdout --psm 7 tsv`, which is given a list of images.

    Args:
        language: Languages by Tesseract's codes, such as "eng" or "deu+fra".
        threads: Number of OpenMP threads of the program. More than one rarely helps on a line.

    Raises:
        ValueError: The program `tesseract` or one of the languages is not installed.
    """

    name = "tesseract"

    def __init__(self, language: str = "eng", threads: int = 1) -> None:
        self.language = language
        program = shutil.which(_BINARY)
        if program is None:
            raise ValueError(
                "engine 'tesseract' needs the program tesseract, which is not on the PATH; "
                "install it (Debian: apt install tesseract-ocr)"
            )
        self.command = [program, "stdin", "stdout", "-l", language, "--psm", "7", "tsv"]
        self.environment = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}
        self._check_language()

    @classmethod
    def from_pretrained(cls, language: str = "eng", threads: int = 1) -> Tesseract:
        """Make an engine; the arguments are the constructor's."""
        return cls(language, threads)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read upright lines, as in `Engine.read`; each batch starts the program once.

        A character has the confidence of its word, and a space the lower one of its neighbors'. The
        line's confidence is the mean over its words.

        Raises:
            ValueError: The program failed; the message has its last line of output.
        """
        batches = (lines[at : at + batch_size] for at in range(0, len(lines), batch_size))
        return [said for batch in batches for said in self._read(batch)]

    def _read(self, lines: Sequence[np.ndarray]) -> list[Transcript]:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, f"{number}.ppm") for number in range(len(lines))]
            for file, line in zip(files, lines, strict=True):
                header = b"P6 %d %d 255\n" % (line.shape[1], line.shape[0])
                file.write_bytes(header + np.ascontiguousarray(line).tobytes())
            table = self._run(self.command, b"".join(b"%s\n" % bytes(file) for file in files))
        return _lines(table, len(lines))

    def _check_language(self) -> None:
        listed = self._run([self.command[0], "--list-langs"], b"").split("\n")[1:]
        if missing := [code for code in self.language.split("+") if code not in listed]:
            there = ", ".join(filter(None, map(str.strip, listed))) or "none"
            raise ValueError(
                f"language={self.language!r}: tesseract has no {', '.join(missing)}; it has "
                f"{there}; install more (Debian: apt install tesseract-ocr-deu)"
            )

    def _run(self, command: list[str], given: bytes) -> str:
        done = subprocess.run(
            command, input=given, capture_output=True, env=self.environment, check=False
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
            raise ValueError(f"tesseract failed with status {done.returncode} ({said})")
        return done.stdout.decode("utf-8", "replace")


def _lines(table: str, count: int) -> list[Transcript]:
    """Parse Tesseract's TSV of `count` images: rows of level 5 are words, the text is last."""
    words: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    for row in table.splitlines():
        level, page, *_, confidence, text = row.split("\t")
        if level == "5" and text.strip():
            words[int(page) - 1].append((text.strip(), max(0.0, float(confidence)) / 100))
    return list(map(_line, words))


def _line(found: list[tuple[str, float]]) -> Transcript:
    if not found:
        return Transcript("", 0.0)
    words, sure = zip(*found, strict=True)
    characters: list[float] = []
    for place, (word, confidence) in enumerate(zip(words, sure, strict=True)):
        if place:
            characters.append(min(confidence, sure[place - 1]))
        characters += [confidence] * len(word)
    return Transcript(" ".join(words), sum(sure) / len(sure), tuple(characters))
