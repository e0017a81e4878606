"""Engines that write another language than they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import numpy as np

from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.recognition.ctc import Decoded
from isotrope.ocr.translation.columns import ColumnReader, Columns
from isotrope.ocr.translation.files import adapted, load_arrays
from isotrope.ocr.translation.network import Network
from isotrope.ocr.translation.pieces import gathered

Translate = Callable[[list[str]], list[tuple[str, float]]]
"""Translates texts: `(translation, confidence)` each."""


@dataclass(frozen=True, eq=False)
class Translating:
    """The shipped recognizer with a decoder that translates its columns, on onnxruntime and numpy.

    A transcript's confidence is the geometric mean of the probabilities of its word pieces, times
    the confidence of what was read; it says little about whether the translation is good.

    Args:
        reader: The recognizer.
        network: The translator.
        adapter: Its name.
    """

    name: ClassVar[str] = "isotrope"
    reader: ColumnReader
    network: Network
    adapter: str | None = None

    @classmethod
    def from_folder(
        cls,
        weights: str | Path,
        folder: str | Path,
        threads: int | None = None,
        device: str | None = None,
    ) -> Translating:
        """Load a translator.

        Args:
            weights: The folder of the recognizer.
            folder: The translator's, which `isotrope adapt --task translate` wrote.
            threads, device: As in `Isotrope.from_pretrained`.

        Raises:
            ValueError: The translator is broken, or was made for another recognizer.
        """
        config, _, arrays = load_arrays(folder)
        reader = ColumnReader(weights, adapted(folder, weights), threads, device)
        return cls(reader, Network(config, arrays), Path(folder).resolve().name)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read and translate upright lines, as in `Engine.read`."""
        return [self._translated(self.reader.read(line)) for line in lines]

    def _translated(self, found: Columns) -> Transcript:
        read = found.read
        pieces = gathered(found.features, read.text)
        if not (read.text and read.is_text and len(pieces)):
            return Transcript("", 0.0)
        most = self.network.config.most_pieces
        parts = [pieces[first : first + most] for first in range(0, len(pieces), most)]
        written = [self.network.translate(part) for part in parts]
        text = " ".join(self.network.config.text(part.tokens) for part in written)
        confidence = read.confidence * min(part.confidence for part in written)
        return Transcript(text, confidence, adapter=self.adapter, source=_transcript(read))


class Cascade:
    """Reads with any engine, then translates the text of each line.

    Args:
        engine: Reads lines.
        translate: Translates texts.
    """

    name = "cascade"

    def __init__(self, engine: Engine, translate: Translate) -> None:
        self.engine, self.translate = engine, translate
        for optional in ("equivariant", "check", "window", "adapters_of"):
            if hasattr(engine, optional):
                setattr(self, optional, getattr(engine, optional))

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read and translate lines, as in `Engine.read`."""
        found = self.engine.read(lines, batch_size)
        texts = [line.text for line in found if line.text]
        written = iter(self.translate(texts) if texts else [])
        return [self._translated(line, *next(written)) if line.text else line for line in found]

    def chosen(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> Cascade:
        """The same with the adapter that suits lines best, if the engine chooses one."""
        choose = getattr(self.engine, "chosen", None)
        return self if choose is None else Cascade(choose(lines, batch_size), self.translate)

    def _translated(self, line: Transcript, text: str, confidence: float) -> Transcript:
        whole = line.confidence * confidence
        return Transcript(
            *(text, whole), orientation=line.orientation, adapter=line.adapter, source=line
        )


def translated(
    engine: Engine, translate: str | Path | Translate | None, device: str | None = None
) -> Engine:
    """Make a cascade of an engine and a translator of texts.

    Args:
        engine: The engine.
        translate: A name for `PretrainedTranslator.from_pretrained`, or what `Cascade` takes. None:
            return the engine as it is.
        device: Where it runs, as there.
    """
    if translate is None:
        return engine
    if callable(translate):
        return Cascade(engine, translate)
    translator = import_module("isotrope.ocr.engines.text_translator").PretrainedTranslator
    return Cascade(engine, translator.from_pretrained(translate, device))


def _transcript(read: Decoded) -> Transcript:
    return Transcript(read.text, read.confidence, read.confidences, places=read.places)
