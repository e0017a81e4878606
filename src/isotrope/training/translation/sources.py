"""Where a translator's lines come from: rendered sentences of pairs, or labeled images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from isotrope.data.lines import LabeledLines
from isotrope.data.parallel import Pairs, load_pairs, split_pairs
from isotrope.data.stream import SkippedSample
from isotrope.io.images import ImageError
from isotrope.ocr.translation.columns import ColumnReader
from isotrope.training.mix import LineSample, line_pixels, lowered
from isotrope.training.rendered import Rendered, drawn_seed
from isotrope.training.translation.reading import ReadLine, read_lines
from isotrope.training.translation.rendering import RenderedSentences
from isotrope.training.variation import cropped_and_recolored, sheared_and_relit

Part = Literal["train", "valid"]
Report = Callable[[int, int], None]
"""Called with the number of lines that are read, and of all."""


class Source(Protocol):
    """Lines and translations. The key of a line is what it shows, or what was read in it."""

    train: Pairs
    valid: Pairs

    def read(
        self, reader: ColumnReader, folder: Path, report: Report
    ) -> tuple[list[ReadLine], list[ReadLine]]:
        """Read the training and the held-out lines, or load what an earlier run has read."""
        ...

    def draw(self, rng: np.random.Generator) -> LineSample:
        """A training line, whose text is its key; raises `SkippedSample` if it is unusable."""
        ...

    def held_out(self) -> list[tuple[Tensor, str]]:
        """The held-out lines: pixels as `line_pixels` makes them, and keys."""
        ...


class RenderedPairs:
    """Sentence pairs, whose sources are rendered in fonts; validation has fonts of its own.

    Args:
        path: A file for `load_pairs`.
        every: One source sentence in `every` is held out.
        count: Number of sentences to read before training.
        most: Number of held-out sentences to validate on.
        seed: Seed of the choice and the drawing.

    Raises:
        ValueError: The file cannot be read, or has too few sentences.
        FileNotFoundError: There are no fonts.
    """

    def __init__(self, path: Path, every: int, count: int, most: int, seed: int) -> None:
        self.train, self.valid = split_pairs(load_pairs(path), every)
        _refuse_empty(path, self.train, self.valid)
        self._chosen: dict[Part, list[str]] = {
            "train": _shuffled(self.train, seed)[:count],
            "valid": _shuffled(self.valid, seed)[:most],
        }
        self._seed = seed

    def read(
        self, reader: ColumnReader, folder: Path, report: Report
    ) -> tuple[list[ReadLine], list[ReadLine]]:
        """See `Source`."""
        valid, train = (len(self._chosen[part]) for part in ("valid", "train"))
        held = self._read("valid", reader, folder, lambda done: report(done, valid + train))
        lines = self._read(
            "train", reader, folder, lambda done: report(valid + done, valid + train)
        )
        return lines, held

    def draw(self, rng: np.random.Generator) -> LineSample:
        """See `Source`."""
        outline = self._rendered["train"].outline(rng)
        if outline.text not in self.train:  # some fonts have capitals alone
            raise SkippedSample
        return LineSample(Rendered(outline, drawn_seed(rng)), outline.text)

    def held_out(self) -> list[tuple[Tensor, str]]:
        """See `Source`."""
        images = ((self._image("valid", n), s) for n, s in enumerate(self._chosen["valid"]))
        return [(_pixels(image), sentence) for image, sentence in images if image is not None]

    @cached_property
    def _rendered(self) -> dict[Part, RenderedSentences]:
        sentences: dict[Part, list[str]] = {"train": list(self.train), "valid": list(self.valid)}
        return {part: RenderedSentences(own, part, self._seed) for part, own in sentences.items()}

    def _read(
        self, part: Part, reader: ColumnReader, folder: Path, report: Callable[[int], None]
    ) -> list[ReadLine]:
        sentences = self._chosen[part]

        def drawn(number: int) -> tuple[np.ndarray, str] | None:
            image = self._image(part, number)
            return None if image is None else (image, sentences[number])

        return read_lines(reader, drawn, len(sentences), folder / part, report)

    def _image(self, part: Part, number: int) -> np.ndarray | None:
        try:
            return self._rendered[part].image(number, self._chosen[part][number])
        except (ValueError, FileNotFoundError):  # no font has its characters
            return None


class LabeledImages:
    """Line images with a `labels.tsv` whose texts are translations.

    What is in the lines is not known: their keys are what the recognizer reads, and it is trained
    to go on reading that.

    Args:
        path: A folder or tar for `LabeledLines`.
        every: One line in `every` is held out.
        most: Number of held-out lines to validate on.

    Raises:
        ValueError: The labels cannot be read, or there are too few lines.
    """

    def __init__(self, path: Path, every: int, most: int) -> None:
        lines = LabeledLines(path).keep(lambda _, text: bool(text))
        self._train, held = lines.split(every)
        self._valid = held.keep(lambda number, _: number < most)
        _refuse_empty(path, self._train.items, self._valid.items)
        self.train: Pairs = {}
        self.valid: Pairs = {}
        self._keys: list[tuple[int, str]] = []

    def read(
        self, reader: ColumnReader, folder: Path, report: Report
    ) -> tuple[list[ReadLine], list[ReadLine]]:
        """See `Source`; the pairs are known only afterwards."""
        valid, whole = len(self._valid), len(self._valid) + len(self._train)
        held, self.valid, self._held = _read_set(
            reader, self._valid, folder / "valid", lambda done: report(done, whole)
        )
        lines, self.train, self._keys = _read_set(
            reader, self._train, folder / "train", lambda done: report(valid + done, whole)
        )
        _refuse_empty(self._train.path, lines, held)
        return lines, held

    def draw(self, rng: np.random.Generator) -> LineSample:
        """See `Source`."""
        number, key = self._keys[int(rng.integers(len(self._keys)))]
        try:
            image = sheared_and_relit(lowered(self._train[number][0]), rng)
        except (ValueError, ImageError) as error:
            raise SkippedSample from error
        return LineSample(line_pixels(cropped_and_recolored(image, rng)), key)

    def held_out(self) -> list[tuple[Tensor, str]]:
        """See `Source`."""
        return [(line_pixels(self._valid[number][0]), key) for number, key in self._held]


def _read_set(
    reader: ColumnReader, lines: LabeledLines, folder: Path, report: Callable[[int], None]
) -> tuple[list[ReadLine], Pairs, list[tuple[int, str]]]:
    """The lines as they were read, their translations by what was read, and number and key."""

    def drawn(number: int) -> tuple[np.ndarray, str]:
        image = lines[number][0].clamp(0, 1).permute(1, 2, 0)
        return np.ascontiguousarray((255 * image).round().byte().numpy()), str(number)

    found = read_lines(reader, drawn, len(lines), folder, report)
    translations: dict[str, list[str]] = {}
    for line in found:
        translations.setdefault(line.text, []).append(lines.items[int(line.key)][1])
    pairs = {text: tuple(dict.fromkeys(several)) for text, several in translations.items()}
    keyed = [ReadLine(line.text, line.text, line.features) for line in found]
    return keyed, pairs, [(int(line.key), line.text) for line in found]


def _shuffled(pairs: Pairs, seed: int) -> list[str]:
    sentences = list(pairs)
    return [sentences[n] for n in np.random.default_rng(seed).permutation(len(sentences))]


def _pixels(image: np.ndarray) -> Tensor:
    return line_pixels(torch.from_numpy(image).permute(2, 0, 1).float() / 255)


def _refuse_empty(path: Path, train: object, valid: object) -> None:
    counts = len(train), len(valid)  # pyright: ignore[reportArgumentType] # lists or dicts
    if not all(counts):
        raise ValueError(
            f"{path}: {counts[0]} sentences to train on and {counts[1]} held out; give more"
        )
