"""An engine with other adapters: each is loaded when it is first used, and shared. No torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Lock

import numpy as np

from isotrope.ocr.adapter_names import Adapters, Given, one_adapter
from isotrope.ocr.engines.base import Engine, Transcript
from isotrope.ocr.processes import PerProcess

MOST = 8
"""Adapters that are held at once; the one not used for longest makes room for another."""


class Adapted:
    """The engines that differ from one only by their adapters.

    Each is an engine of its own, so threads share them without switching anything.

    Args:
        engine: Has a method `with_adapter`.
        most: Number of adapters that are held, 1 or more.

    Raises:
        ValueError: The engine takes no adapters.
    """

    def __init__(self, engine: Engine, most: int = MOST) -> None:
        if getattr(engine, "with_adapter", None) is None:
            raise ValueError(
                f"engine {engine.name!r} does not change its adapter; give it when loading, "
                "or use engine 'isotrope', 'gsanet' or 'trocr'"
            )
        self.engine, self.most = engine, most
        self._held = PerProcess(_Held)

    def get(self, adapters: Adapters | None) -> Engine:
        """The engine with these adapters; None: without any.

        Raises:
            ValueError, FileNotFoundError: They do not exist or do not fit.
        """
        if adapters is None and getattr(self.engine, "adapter", None) is None:
            return self.engine
        held = self._held.get()
        with held.lock:
            if adapters not in held.engines:
                held.engines[adapters] = self.engine.with_adapter(adapters)  # pyright: ignore[reportAttributeAccessIssue] # checked above
                while len(held.engines) > self.most:
                    held.engines.popitem(last=False)
            held.engines.move_to_end(adapters)
            return held.engines[adapters]

    def each(self, names: Iterator[Given], count: int) -> list[Engine]:
        """The engines with the next adapters.

        Args:
            names: Adapters, as callers give them.
            count: How many.

        Raises:
            ValueError, FileNotFoundError: One does not exist or does not fit, or they are fewer.
        """
        given = list(islice(names, count))
        if len(given) < count:
            raise ValueError("adapters: fewer than images; give one for each, or None for none")
        model = getattr(self.engine, "adapters_of", "small")
        return [self.get(one_adapter(name, model)) for name in given]


def read_mixed(
    engines: Sequence[Engine], lines: Sequence[np.ndarray], batch_size: int = 32
) -> list[Transcript]:
    """Read each line with an engine of its own; lines of the same engine are read together.

    Args:
        engines: One for each line.
        lines, batch_size: As in `Engine.read`.

    Returns:
        One `Transcript` for each line, in order: what its engine alone would read.
    """
    places: dict[int, list[int]] = {}
    for place, engine in enumerate(engines):
        places.setdefault(id(engine), []).append(place)
    read: dict[int, Transcript] = {}
    for several in places.values():
        said = engines[several[0]].read([lines[place] for place in several], batch_size)
        read.update(zip(several, said, strict=True))
    return [read[place] for place in range(len(lines))]


class _Held:
    """What a process has loaded, the latest used last."""

    def __init__(self) -> None:
        self.engines: OrderedDict[Adapters | None, Engine] = OrderedDict()
        self.lock = Lock()
