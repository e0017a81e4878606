"""What an engine is: it reads lines that stand upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Protocol

import numpy as np

from isotrope.ocr.recognition.ctc import geometric_mean


@dataclass(frozen=True)
class Line:
    """What an engine says of one line.

    Args:
        text: Empty where the engine sees no text.
        confidence: In [0, 1].
        characters: The confidence of each character of `text`; empty where the engine does not say.
        orientation: Degrees counter-clockwise that the text is turned from upright. Only an engine
            that is equivariant itself says it; the others are shown upright lines.
    """

    text: str
    confidence: float
    characters: tuple[float, ...] = ()
    orientation: int = 0

    @property
    def typical(self) -> float:
        """The geometric mean of its characters, or its confidence where the engine has no more.

        It says which of several turns is upright. The probability that all of a text is right
        favors short texts: the few letters that a line resembles upside down would beat the
        hundred, two of them wrong, that it says.
        """
        if not self.characters:
            return self.confidence
        return geometric_mean(self.characters)


class Engine(Protocol):
    """Reads upright lines.

    Three attributes are optional. `equivariant = True` declares that the engine reads the same text
    whichever way up a line lies, so that it needs no finder. `check(pixels)` raises `ImageError`
    for an image that the engine refuses. `window` is how many batches of lines the engine would
    like to choose its batches from.
    """

    name: str

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Line]:
        """Read lines.

        Args:
            lines: (H, W, 3) each, uint8 RGB, C-contiguous.
            batch_size: How many go through a model at once, where there is a model.

        Returns:
            One `Line` for each. It depends on that line alone, never on the others.
        """
        ...


def required(module: str, engine: str, remedy: str) -> ModuleType:
    """A module that only some engine needs.

    Raises:
        ModuleNotFoundError: It is not installed; the message says what installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"engine {engine!r} needs {error.name}, which is not installed; {remedy}",
            name=error.name,
        ) from error
