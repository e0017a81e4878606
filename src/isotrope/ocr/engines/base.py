"""The interface of engines, which read upright lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Protocol

import numpy as np

from isotrope.ocr.recognition.ctc import geometric_mean


@dataclass(frozen=True)
class Transcript:
    """An engine's result for one line.

    Args:
        text: Empty where the engine sees no text.
        confidence: In [0, 1].
        characters: The confidence of each character of `text`; empty where the engine does not say.
        orientation: Degrees counter-clockwise by which the text is turned from upright. Only
            equivariant engines set it; the others are given upright lines.
        places: The extent of each character of `text` along the line, from 0 at the left edge of
            the image to 1 at the right; empty where the engine does not say.
        adapter: The name of the adapter it was read with; None: none.
        log_likelihood: Log probability of this reading of the whole image, so that readings of one
            image by several models can be compared. None: that of the characters.
        source: What was read, where `text` is a translation of it; else None.
    """

    text: str
    confidence: float
    characters: tuple[float, ...] = ()
    orientation: int = 0
    places: tuple[tuple[float, float], ...] = ()
    adapter: str | None = None
    log_likelihood: float | None = None
    source: Transcript | None = None

    @property
    def read(self) -> str:
        """The text in the image, which is not `text` where that is a translation."""
        return self.text if self.source is None else self.source.text

    @property
    def typical(self) -> float:
        """The geometric mean over the characters, or `confidence` if the engine gives no more.

        Use it to decide which of several turns is upright. The probability that a whole text is
        right favors short texts: the few letters that an upside-down line resembles would beat a
        correct reading of a hundred characters with two errors.
        """
        if self.source is not None:  # a translator writes good sentences about any line
            return self.source.typical
        if not self.characters:
            return self.confidence
        return geometric_mean(self.characters)


class Engine(Protocol):
    """Reads upright lines.

    Four attributes are optional. `equivariant = True` declares that the engine reads the same text
    whichever way up a line is, and so needs no finder. `check(pixels)` raises `ImageError` for
    images the engine rejects. `window` is the number of batches of lines to collect, from which the
    engine then forms batches of similar lines. `chosen(lines, batch_size)` returns the engine to
    read a whole page with, given a few of its lines.
    """

    @property
    def name(self) -> str:
        """What callers name it by."""
        ...

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read lines.

        Args:
            lines: (H, W, 3) each, uint8 RGB, C-contiguous.
            batch_size: Number of lines per pass through the model, if there is one.

        Returns:
            One `Transcript` for each. It depends only on that line, never on the others.
        """
        ...


def required(module: str, engine: str, remedy: str) -> ModuleType:
    """Import a module that only one engine needs.

    Raises:
        ModuleNotFoundError: The module is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"engine {engine!r} needs {error.name}, which is not installed; {remedy}",
            name=error.name,
        ) from error
