"""Any function as an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from isotrope.ocr.engines.base import Transcript


class Function:
    """An engine that calls a function on one line after the other.

    Args:
        function: Maps `(H, W, 3)`, uint8 RGB, to a text, to `(text, confidence)` or to a
            `Transcript`. A text without a confidence gets confidence 1, an empty one 0.
        name: By default the function's name.

    Example:
        >>> engine = Function(lambda pixels: ("hello", 0.9))
        >>> engine.read([np.zeros((8, 20, 3), np.uint8)])[0].text
        'hello'
    """

    def __init__(self, function: Callable, name: str | None = None) -> None:
        self.function = function
        self.name = name or getattr(function, "__name__", type(function).__name__)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """As `Engine.read`.

        Raises:
            TypeError: The function returned another type.
        """
        return [self._line(self.function(line)) for line in lines]

    def _line(self, said: str | tuple[str, float] | Transcript) -> Transcript:
        match said:
            case Transcript():
                return said
            case str():
                return Transcript(said, 1.0 if said else 0.0)
            case (str() as text, confidence):
                return Transcript(text, float(confidence))
        raise TypeError(
            f"{self.name} returned {type(said).__name__}; it must return a text, "
            "(text, confidence) or a Transcript"
        )
