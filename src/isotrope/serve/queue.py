"""One bounded queue in front of the workers. Threads, so that it can start before an event loop."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from itertools import chain, repeat
from signal import SIGKILL, SIGTERM
from typing import NamedTuple

from isotrope.serve.job import Answer, Job, PictureJob, Setup
from isotrope.serve.limits import Refusal
from isotrope.serve.worker import Worker, WorkerDied

_PAUSES = (0, 0, 1, 2, 4, 8, 16, 30)
"""Seconds before a worker that ends while it loads is started again, the first, second... time."""

_LOOK = 0.5
"""Seconds between two looks whether an idle worker still lives."""

_MEMORY = 0.1
"""Weight of the latest request in the mean time of one."""


class _Entry(NamedTuple):
    job: Job | PictureJob
    future: Future[Answer]


class WorkQueue:
    """Requests that wait for their turn, and the workers that read them.

    Each worker has a thread that hands it one request at a time, and starts another in its place
    when it has ended.

    Args:
        setup: What a worker needs to know.
        workers: How many there are.
        on_restart: Called whenever a worker is started in place of another.
    """

    def __init__(
        self, setup: Setup, workers: int = 1, on_restart: Callable[[], None] = lambda: None
    ) -> None:
        self.setup, self.on_restart = setup, on_restart
        self.seconds = 0.0  # mean time of a request
        self.busy = 0
        self.problem: Exception | None = None  # why no reader can be loaded
        self._entries: deque[_Entry] = deque()
        self._change = threading.Condition()  # of the entries, `busy` and `_closing`
        self._settled, self._closing = threading.Event(), False
        self._workers: dict[int, Worker] = {}
        self._loaded: set[int] = set()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the first worker, and the others once it has loaded its reader.

        Together they would all load more slowly, and so would the server.
        """
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Turn away what waits, and end the workers, whatever they do."""
        with self._change:
            self._closing = True
            for entry in self._entries:
                entry.future.cancel()
            self._change.notify_all()
        self._settled.set()  # whoever waits for a reader waits no longer
        for worker in list(self._workers.values()):
            worker.end()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def put(self, job: Job | PictureJob) -> Future[Answer]:
        """Give a request its place.

        Returns:
            Its answer, or a `Refusal`. While it waits it can be canceled, which frees its place.

        Raises:
            Refusal: There is no place.
        """
        future: Future[Answer] = Future()
        with self._change:
            if self._closing:
                raise _stopping()
            if self.waiting >= self.setup.limits.queue:
                raise self.busy_with(f"{self.waiting} requests wait for their turn")
            self._entries.append(_Entry(job, future))
            self._change.notify()
        return future

    def busy_with(self, problem: str) -> Refusal:
        """What a request hears that finds no place, or does not get its turn in time."""
        wait = math.ceil(self.seconds * self.waiting / self.workers)
        problem = f"busy: {problem}; send it again later"
        return Refusal(503, problem, retry_after=max(1, min(60, wait)))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until a reader is loaded or cannot be (see `problem`); False if it takes longer."""
        return self._settled.wait(seconds)

    @property
    def workers(self) -> int:
        """How many workers there are to be."""
        return len(self._threads)

    @property
    def waiting(self) -> int:
        """How many requests wait; those whose clients have gone do not."""
        with self._change:
            while self._entries and self._entries[0].future.cancelled():
                self._entries.popleft()
            return sum(not entry.future.cancelled() for entry in self._entries)

    @property
    def ready(self) -> int:
        """How many workers have loaded their reader."""
        return len(self._loaded)

    @property
    def pids(self) -> list[int]:
        """The numbers of the workers' processes."""
        return [worker.pid for worker in list(self._workers.values()) if worker.pid]

    def _work(self, number: int) -> None:
        """What each thread does."""
        if number > 0:
            self._settled.wait()
        worker = None if self.problem is not None else self._started(number)
        while worker is not None:
            entry = self._next()
            if not worker.lives:
                worker = self._replaced(number, worker)
            if entry is not None and entry.future.set_running_or_notify_cancel():
                if worker is None:
                    entry.future.set_exception(_stopping())
                else:
                    self._answer(worker, entry)
            if worker is not None and self._closing:
                worker.close()
                worker = None
        self._loaded.discard(number)

    def _next(self) -> _Entry | None:
        """The request whose turn it is; None if there was none for a while."""
        with self._change:
            if not self._entries and not self._closing:
                self._change.wait(_LOOK)
            return self._entries.popleft() if self._entries else None

    def _answer(self, worker: Worker, entry: _Entry) -> None:
        """Have a request read."""
        seconds = self.setup.limits.seconds
        with self._change:
            self.busy += 1
        began = time.monotonic()
        outcome: Answer | Exception
        try:
            outcome = worker.ask(entry.job, seconds)
        except TimeoutError:
            outcome = _late(seconds)
        except WorkerDied as death:
            outcome = _died(death)
        except Exception as error:
            outcome = error
        with self._change:  # before the answer, so that whoever has it finds the worker free
            spent = time.monotonic() - began
            self.seconds += (spent - self.seconds) * (_MEMORY if self.seconds else 1)
            self.busy -= 1
        if isinstance(outcome, Exception):
            entry.future.set_exception(outcome)
        else:
            entry.future.set_result(outcome)

    def _replaced(self, number: int, worker: Worker) -> Worker | None:
        """Another worker in the place of one that has ended; None if the queue is closing."""
        self._loaded.discard(number)
        worker.close()
        return self._started(number)

    def _started(self, number: int) -> Worker | None:
        """A worker with its reader loaded; None if the queue is closing or it cannot be loaded."""
        for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
            if self._closing:
                break
            if (worker := self._try_to_start(number)) is not None:
                return worker
            if self.problem is not None:  # another try would fail likewise
                break
            self._pause(pause)
        return None

    def _try_to_start(self, number: int) -> Worker | None:
        worker = None
        if number in self._workers:
            self.on_restart()
        try:
            self._workers[number] = worker = Worker(self.setup)
            worker.wait()
        except Exception as error:
            if not isinstance(error, WorkerDied) and not self._settled.is_set():
                self.problem = error
                self._settled.set()
            if worker is not None:
                worker.close()
            return None
        self._loaded.add(number)
        self._settled.set()
        return worker

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._closing and time.monotonic() < end:
            time.sleep(0.1)


def _stopping() -> Refusal:
    return Refusal(503, "the server is stopping; send it again later", retry_after=5)


def _late(seconds: float) -> Refusal:
    return Refusal(
        504,
        f"took longer than {seconds:g} s, the most that are spent on a request; "
        "send fewer pages at once",
    )


def _died(death: WorkerDied) -> Refusal:
    """What a request hears whose worker ended: whether to try again depends on what ended it."""
    if death.status in (-SIGKILL, -SIGTERM):
        line = f"the process that read it {death}, as when memory runs out; send it again"
        return Refusal(503, f"{line}, or fewer pages at once", retry_after=5)
    return Refusal(
        500, f"the process that read it {death}; its files may be broken: leave them out"
    )
