"""A first pass over the files to read: how many, which are named twice, which share a name."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np

from isotrope.io.errors import ImageError
from isotrope.jobs.inputs import STDIN, Found


class Survey:
    """What must be known of all files before the first is read; a few bytes for each.

    Files and names are held as digests of 64 bits: of a million, two are the same with probability
    3e-8.

    Args:
        inputs: The files, and errors, each of which is reported once.
        report: Called with each error.

    Attributes:
        count: Number of files.
        problems: Number of errors.
        standard_inputs: How often standard input is among the files.
    """

    def __init__(
        self, inputs: Iterable[Found | ImageError], report: Callable[[ImageError], None]
    ) -> None:
        self.count = self.problems = self.standard_inputs = 0
        self._reported: set[int] = set()
        paths, short, full = array("Q"), array("Q"), array("Q")
        for found in inputs:
            if isinstance(found, ImageError):
                self.problems += 1
                self._reported.add(digest(found.source or ""))
                report(found)
                continue
            self.count += 1
            self.standard_inputs += found.path == STDIN
            paths.append(digest(found.path))
            short.append(digest(_stem(found.relative)))
            full.append(digest(found.relative))
        self._settle(*(np.array(each, np.uint64) for each in (paths, short, full)))

    def _settle(self, paths: np.ndarray, short: np.ndarray, full: np.ndarray) -> None:
        _, first, times = np.unique(paths, return_index=True, return_counts=True)
        self._repeated = frozenset(paths[first[times > 1]].tolist())
        short, full = short[first], full[first]
        self._stems = np.sort(short)
        chosen = np.where(_count(self._stems, short) == 1, short, full)
        names, times = np.unique(chosen, return_counts=True)
        self._clashing = frozenset(names[times > 1].tolist())

    def reported(self, error: ImageError) -> bool:
        """Whether this error was met, and reported, in the first pass."""
        return digest(error.source or "") in self._reported

    def repeated(self, path: Path) -> bool:
        """Whether a file is named more than once."""
        return bool(self._repeated) and digest(path) in self._repeated

    def output(self, relative: Path) -> Path:
        """The name of a file's output, without a suffix.

        `a` for `a.png`; `a.png` if there is an `a.jpg` too, or for a file that was not there in the
        first pass.
        """
        stem = _stem(relative)
        return stem if _count(self._stems, digest(stem)) == 1 else relative

    @property
    def has_clashes(self) -> bool:
        """Whether two files would have the same `output`."""
        return bool(self._clashing)

    def clashes(self, relative: Path) -> bool:
        """Whether another file would have the same `output`."""
        return bool(self._clashing) and digest(self.output(relative)) in self._clashing


def digest(path: str | Path) -> int:
    """A number of 64 bits that stands for a path."""
    return int.from_bytes(blake2b(os.fsencode(path), digest_size=8).digest(), "little")


def _stem(relative: Path) -> Path:
    return relative.with_suffix("")


def _count(ordered: np.ndarray, values: np.ndarray | int) -> np.ndarray:
    """How often each value occurs in an ordered array."""
    wanted = np.asarray(values, np.uint64)
    left, right = (np.searchsorted(ordered, wanted, side=side) for side in ("left", "right"))
    return right - left
