"""`--adapter auto`: read a little with every adapter, and keep the one that is surest. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from isotrope.ocr.adapter_names import Adapters, Auto, Given, one_adapter, parse_adapter
from isotrope.ocr.engines.adapted import MOST, Adapted
from isotrope.ocr.engines.base import Engine, Transcript

MARGIN = 0.03
"""By how much an adapter must be likelier than none, in log probability a character. Adapters are
surer than they should be of what they were not made for: on 30 pages that none of them has seen,
print is read with 3.3% wrong characters at a margin of 0.005 and with 2.1% at 0.03, as without an
adapter; the other pages with 22% at either, and 31% without. From 0.03 to 0.05 little changes."""

EVIDENCE = 1.5
"""By how much it must be likelier in all, in log probability: a word alone tells too little. At 1,
words of photographs, which no adapter fits, are still read with one; for a line of 40 characters
it is 0.04 a character, for the lines of a page less than `MARGIN`."""

FIRST, LEFT = 2, 2
"""Number of a page's lines that all candidates read, and of adapters that read the others too."""


class Choosing:
    """An engine that finds out by itself which adapter suits what it reads, if any does.

    It sees only the pixels of upright lines, so it chooses the same whichever way up they were.

    Args:
        engine: Reads without an adapter, and has a method `with_adapter`.
        candidates: The adapters to choose from.

    Raises:
        ValueError: The engine takes no adapters.
    """

    def __init__(self, engine: Engine, candidates: Sequence[Adapters]) -> None:
        self.name, self.engine = engine.name, engine
        for optional in ("equivariant", "check", "window"):
            if hasattr(engine, optional):
                setattr(self, optional, getattr(engine, optional))
        self.candidates = (None, *candidates)
        # All are used for every page: room for fewer would mean to load them again each time.
        self._adapted = Adapted(engine, max(MOST, len(self.candidates)))

    def chosen(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> Engine:
        """The engine with the adapter that suits lines of one page best.

        All candidates read a few of the lines, and those that do best read the others.

        Args:
            lines: Some, as for `Engine.read`; without any, the engine without an adapter.
            batch_size: As in `Engine.read`.
        """
        first = [*range(0, len(lines), max(1, len(lines) // FIRST))][:FIRST]
        others = [place for place in range(len(lines)) if place not in first]
        read = self._read(self.candidates, [lines[place] for place in first], batch_size)
        ways = range(1, len(read))
        kept = [0, *sorted(ways, key=lambda way: -round(score(read[way]), 6))[:LEFT]]
        left = [self.candidates[way] for way in kept]
        more = self._read(left, [lines[place] for place in others], batch_size)
        whole = [[*read[way], *said] for way, said in zip(kept, more, strict=True)]
        return self._adapted.get(left[likeliest_of(whole)])

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read lines, each with the adapter that suits it best; see `Engine.read`."""
        read = self._read(self.candidates, lines, batch_size)
        each = [[[said[place]] for said in read] for place in range(len(lines))]
        return [ways[likeliest_of(ways)][0] for ways in each]

    def with_adapter(self, adapter: Given) -> Engine:
        """The engine with this adapter, or None for no adapter."""
        return self._adapted.get(one_adapter(adapter, _model(self.engine)))

    def _read(
        self, candidates: Sequence[Adapters | None], lines: Sequence[np.ndarray], batch_size: int
    ) -> list[list[Transcript]]:
        """What each candidate reads."""
        return [self._adapted.get(adapters).read(lines, batch_size) for adapters in candidates]


def readapted(engine: Engine, adapter: Given | Auto) -> Engine:
    """The engine with another adapter; with `auto`, it chooses among those that fit it.

    Raises:
        ValueError, FileNotFoundError: The adapter does not exist or does not fit, or the engine
            takes no adapters.
    """
    bare = engine.engine if isinstance(engine, Choosing) else engine
    parsed = parse_adapter(adapter, _model(bare))
    if isinstance(parsed, Auto):
        return Choosing(Adapted(bare).get(None), parsed.candidates(getattr(bare, "shipped", None)))
    if isinstance(engine, Choosing):
        return engine.with_adapter(parsed)
    return Adapted(bare).get(parsed)


def likeliest_of(ways: Sequence[Sequence[Transcript]]) -> int:
    """Which of several readings of the same lines is likeliest; the first if none stands out.

    Args:
        ways: The lines as each candidate reads them, first without an adapter.
    """
    scores = [round(score(said), 6) for said in ways]
    best = max(range(len(scores)), key=lambda way: (scores[way], -way))
    gain = scores[best] - scores[0]
    letters = sum(len(line.text) for line in ways[0])
    return best if gain > MARGIN and round(gain * letters, 4) > EVIDENCE else 0


def score(said: Sequence[Transcript]) -> float:
    """Log probability of what was read, a character.

    Of the criteria that were compared, this one comes nearest to choosing by error rate. One a
    column, or the confidence of the characters, favors an adapter that leaves letters out.
    """
    letters = sum(len(line.text) for line in said)
    return sum(map(_log_likelihood, said)) / max(1, letters)


def _log_likelihood(line: Transcript) -> float:
    if line.log_likelihood is not None:
        return line.log_likelihood
    return len(line.text) * math.log(max(line.typical, 1e-9))


def _model(engine: Engine) -> str:
    """The shipped model whose adapters an engine knows by name."""
    return getattr(engine, "adapters_of", "small")
