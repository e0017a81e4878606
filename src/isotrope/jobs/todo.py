"""The files that are still to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from isotrope.io.errors import ImageError
from isotrope.io.steady import piped
from isotrope.jobs.inputs import STDIN, Inputs, standard_input
from isotrope.jobs.journal import Journal
from isotrope.jobs.survey import Survey
from isotrope.jobs.work import Item


@dataclass
class Todo:
    """The files of the inputs that no earlier run has done.

    Args:
        inputs: The files.
        survey: Of the inputs.
        refuse: Called with each path that does not exist, and what is wrong; `new` says whether
            the survey did not know it yet.
        journal: Says what is done. None: nothing is.
        retry: Whether files that failed are read again.
        repeat: Whether a file that is named twice is read twice.

    Attributes:
        skipped: Number of files that earlier runs have done.
    """

    inputs: Inputs
    survey: Survey
    refuse: Callable[[Path, ImageError, bool], None]
    journal: Journal | None = None
    retry: bool = False
    repeat: bool = False
    skipped: int = 0
    _met: Counter[Path] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Item]:
        for found in self.inputs:
            if isinstance(found, ImageError):
                path = Path(found.source or "")
                if self.journal is None or not self.journal.handled(path, 0, self.retry):
                    self.refuse(path, found, not self.survey.reported(found))
                continue
            times = self._times(found.path)
            if times and not self.repeat:
                continue
            if self.journal is not None and self.journal.handled(found.path, times, self.retry):
                self.skipped += 1
                continue
            try:
                content = standard_input() if found.path == STDIN else piped(found.path)
            except ImageError as error:
                self.refuse(found.path, error, True)
                continue
            yield Item(found.path, found.relative, content)

    def _times(self, path: Path) -> int:
        """How often a file was met before; only those that are named twice are counted."""
        if not self.survey.repeated(path):
            return 0
        self._met[path] += 1
        return self._met[path] - 1
