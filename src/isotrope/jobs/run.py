"""The loop over the files of a run: in order, recorded batch by batch, and stopped between them."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from isotrope.jobs.appended import Appended
from isotrope.jobs.errors import Stopped
from isotrope.jobs.journal import Journal
from isotrope.jobs.work import Event, Item, Loaded

PATIENCE = 5.0
"""Seconds that a batch may take to end after the run was asked to stop."""

OFTEN = 0.25
"""Seconds between two syncs of the journal, at the least."""

Answer = tuple[Item, Event] | None
"""An event with its file; None: a batch has ended."""


class Report(Protocol):
    """Who hears of problems."""

    def add(self, problem: Exception | str) -> None:
        """Hear of a problem."""
        ...

    def warn(self, problem: Exception | str) -> None:
        """Hear of a possible problem."""
        ...


class Stop:
    """Whether SIGINT or SIGTERM has asked to stop; a second one stops at once."""

    def __init__(self) -> None:
        self.number, self.since = 0, 0.0

    def _heard(self, number: int, _frame: Any) -> None:
        if self.number:
            raise Stopped(number)
        self.number, self.since = number, time.monotonic()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the signals within the block, if this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._heard) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def check(self, patience: float = 0.0) -> None:
        """Stop if that was asked for `patience` seconds ago.

        Raises:
            Stopped: It was.
        """
        if self.number and time.monotonic() - self.since >= patience:
            raise Stopped(self.number)


class Run:
    """The files of a run with their results, in order.

    It records a file as done, or as failed, when its results were used and the next file is asked
    for.

    Args:
        report: Hears of problems and warnings.
        stop: Says when to stop.
        journal: Where to record. None: nowhere.
        output: What the results are written to, if it grows.

    Attributes:
        answers: Events of files in order, as from `answers_here`.
        tally: Numbers that are recorded: "results", and what the user counts.
        read, failed: Number of files in this run.
        results: Number of results in this run.
    """

    def __init__(
        self,
        report: Report,
        stop: Stop,
        journal: Journal | None = None,
        output: Appended | None = None,
    ) -> None:
        self.report, self.stop, self.journal, self.output = report, stop, journal, output
        self.answers: Iterable[Answer] = ()
        self.tally = Counter(journal.tally if journal else {})
        self.read = self.failed = self.results = 0
        self._place = journal.offset if journal else 0
        self._counted = dict(self.tally)
        self._done: list[Path] = []
        self._bad: list[tuple[Path, str]] = []
        self._problem: str | None = None
        self._committed = 0.0

    def __iter__(self) -> Iterator[tuple[Item, Iterator[Any]]]:
        events = iter(self.answers)
        for answer in events:
            if answer is None:
                self._end_batch()
                continue
            item, event = answer
            self._problem = None
            results = self._results(event, events)
            yield item, results
            for _ in results:
                pass
            self._record(item)
        self.commit()

    def fail(self, problem: str) -> None:
        """Report a problem with the file in hand, which then counts as failed."""
        self.report.add(problem)
        self._problem = self._problem or problem

    def refuse(self, path: Path, problem: str) -> None:
        """Record a file as failed that was never opened."""
        self._bad.append((path, problem))
        self.failed += 1

    def commit(self) -> None:
        """Record what is done."""
        if self.journal is None or not (self._done or self._bad):
            return
        size = None
        if self.output is not None:
            self.output.sync()
            size = self.journal.size if self.output.finished else None
        self.journal.commit(self._done, self._bad, self._place, self._counted, size)
        self._done, self._bad = [], []
        self._committed = time.monotonic()

    def _results(self, event: Event, events: Iterator[Answer]) -> Iterator[Any]:
        while event.kind != "end":
            if event.kind == "problem":
                self.fail(event.value)
            elif event.kind == "warning":
                self.report.warn(event.value)
            else:
                self.results += 1
                self.tally["results"] += 1
                yield event.value
            self.stop.check(PATIENCE)
            answer = next(events)
            assert answer is not None  # a batch ends after its last file
            event = answer[1]

    def _record(self, item: Item) -> None:
        if self._problem is None:
            self.read += 1
            self._done.append(item.path)
        else:
            self.failed += 1
            self._bad.append((item.path, self._problem))
        self._place = self.output.place if self.output else 0
        self._counted = dict(self.tally)

    def _end_batch(self) -> None:
        if self.output is not None:
            self.output.flush()
        if self.stop.number or time.monotonic() - self._committed >= OFTEN:
            self.commit()
        self.stop.check()


def tasks(items: Iterator[Item], size: int) -> Iterator[Sequence[Item]]:
    """Group files into tasks; the first is half as large, for early results."""
    task: list[Item] = []
    wanted = (size + 1) // 2
    for item in items:
        task.append(item)
        if len(task) == wanted:
            yield task
            task, wanted = [], size
    if task:
        yield task


def answers_here(loaded: Loaded, items: Iterator[Item]) -> Iterator[Answer]:
    """Read files in this process."""
    for task in tasks(items, loaded.size):
        for event in loaded.read(task):
            yield task[event.index], event
        yield None
