"""The readers of a worker: loaded when first asked for, sharing what they can."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from isotrope.ocr.detection import make_detector
from isotrope.ocr.engines import engine_options
from isotrope.serve.job import Choice, Setup

if TYPE_CHECKING:
    from isotrope.ocr.pages.reader import PageReader
    from isotrope.ocr.reader import Reader

MOST = 4
"""Readers that a worker holds; the one not used for longest makes room for another."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A reader of words and lines, and the same one for pages."""

    reader: Reader
    pages: PageReader

    def open(self) -> None:
        """Open the networks, which else the first request would do."""
        blank = np.full((48, 192, 3), 255, np.uint8)
        self.reader.read([blank])
        self.pages.detector.find(blank)

    def at_least(self, confidence: float) -> Loaded:
        """The same, leaving out texts of a lower confidence."""
        return Loaded(
            replace(self.reader, min_confidence=confidence),
            replace(self.pages, min_confidence=confidence),
        )


class Readers:
    """The readers of a worker.

    Args:
        setup: Who reads by default; that reader is loaded at once.
        most: How many are held.

    Raises:
        ValueError, OSError, ModuleNotFoundError: The default reader cannot be loaded.
    """

    def __init__(self, setup: Setup, most: int = MOST) -> None:
        self._setup, self._most = setup, most
        self._loaded: OrderedDict[Choice, Loaded] = OrderedDict()
        self.get(setup.choice).open()

    def get(self, choice: Choice) -> Loaded:
        """The readers of a choice.

        Raises:
            ValueError, OSError, ModuleNotFoundError: They cannot be loaded.
        """
        if choice not in self._loaded:
            while len(self._loaded) >= self._most:
                self._loaded.popitem(last=False)
            self._loaded[choice] = self._load(choice)
        self._loaded.move_to_end(choice)
        return self._loaded[choice]

    def _load(self, choice: Choice) -> Loaded:
        from isotrope.ocr.reader import Reader

        for other, loaded in self._loaded.items():
            if (shared := self._shared(loaded, other, choice)) is not None:
                return shared
        more = self._setup.reader if choice.engine == self._setup.choice.engine else {}
        if "threads" in engine_options(choice.engine):
            more = more | {"threads": self._setup.threads}
        reader = Reader.from_pretrained(**more, **choice._asdict())
        return Loaded(reader, reader.pages)

    def _shared(self, loaded: Loaded, other: Choice, choice: Choice) -> Loaded | None:
        """The readers of a choice that differs from a loaded one by its detector or adapter."""
        if choice == other._replace(detector=choice.detector):
            detector = make_detector(choice.detector, threads=self._setup.threads)
            reader = replace(loaded.reader, detector=detector)
            return Loaded(reader, replace(loaded.pages, detector=detector))
        if choice == other._replace(adapter=choice.adapter):
            with suppress(ValueError):  # not every engine can change its adapter
                reader = loaded.reader.with_adapter(choice.adapter)
                return Loaded(reader, replace(loaded.pages, engine=reader.engine))
        return None
