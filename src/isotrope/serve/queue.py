"""One bounded queue in front of the workers. Threads, so that it can start before an event loop."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
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

    Each worker has a thread that hands it one request at a time, ends it if that takes too long,
    and starts another in its place when it has ended.

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
        self._entries: queue.Queue[_Entry] = queue.Queue(setup.limits.queue)
        self._lock, self._settled, self._closing = threading.Lock(), threading.Event(), False
        self._workers: dict[int, Worker] = {}
        self._loaded: set[int] = set()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the workers; they load their readers meanwhile."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Turn away what waits, and end the workers, whatever they do."""
        self._closing = True
        with suppress(queue.Empty):
            while True:
                self._entries.get_nowait().future.cancel()
        for worker in list(self._workers.values()):
            worker.end()
        for thread in self._threads:
            thread.join()

    def put(self, job: Job | PictureJob) -> Future[Answer]:
        """Give a request its place.

        Returns:
            Its answer, or what `Worker.ask` raises as a `Refusal`. It can be canceled while it
            waits.

        Raises:
            Refusal: There is no place.
        """
        future: Future[Answer] = Future()
        try:
            self._entries.put_nowait(_Entry(job, future))
        except queue.Full:
            raise self.full() from None
        return future

    def full(self) -> Refusal:
        """What a request hears that finds no place, or does not get its turn in time."""
        return Refusal(
            503,
            f"busy: {self.waiting} requests wait for their turn; send it again later",
            retry_after=max(1, min(60, math.ceil(self.seconds * self.waiting / self.workers))),
        )

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until a reader is loaded or cannot be (see `problem`); False if it takes longer."""
        return self._settled.wait(seconds)

    @property
    def workers(self) -> int:
        """How many workers there are to be."""
        return len(self._threads)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._entries.qsize()

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
        worker = self._started(number)
        while worker is not None:
            with suppress(queue.Empty):
                entry = self._entries.get(timeout=_LOOK)
                if not worker.lives:
                    worker = self._replaced(number, worker)
                if worker is None:
                    entry.future.cancel()
                elif entry.future.set_running_or_notify_cancel():
                    self._answer(worker, entry)
            if worker is not None and (self._closing or not worker.lives):
                worker = self._replaced(number, worker)

    def _answer(self, worker: Worker, entry: _Entry) -> None:
        """Have a request read; a worker that takes too long is ended."""
        with self._lock:
            self.busy += 1
        began = time.monotonic()
        try:
            entry.future.set_result(worker.ask(entry.job, self.setup.limits.seconds))
        except TimeoutError:
            worker.close()
            entry.future.set_exception(self._late())
        except WorkerDied as death:
            entry.future.set_exception(_died(death))
        except Exception as error:
            entry.future.set_exception(error)
        with self._lock:
            self.busy -= 1
            spent = time.monotonic() - began
            self.seconds += (spent - self.seconds) * (_MEMORY if self.seconds else 1)

    def _late(self) -> Refusal:
        return Refusal(
            504,
            f"took longer than {self.setup.limits.seconds:g} s, the most that are spent on a "
            "request; send fewer pages at once",
        )

    def _replaced(self, number: int, worker: Worker) -> Worker | None:
        """Another worker in the place of one that has ended; None if the queue is closing."""
        self._loaded.discard(number)
        worker.close()
        if not self._closing:
            self.on_restart()
        return self._started(number)

    def _started(self, number: int) -> Worker | None:
        """A worker with its reader loaded; None if the queue is closing or it cannot be loaded."""
        for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
            if self._closing:
                break
            self._workers[number] = worker = Worker(self.setup)
            try:
                worker.wait()
            except WorkerDied:
                worker.close()
                self._pause(pause)
            except Exception as error:  # another try would fail likewise
                worker.close()
                self.problem = error
                self._settled.set()
                break
            else:
                self._loaded.add(number)
                self._settled.set()
                return worker
        return None

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._closing and time.monotonic() < end:
            time.sleep(0.1)


def _died(death: WorkerDied) -> Refusal:
    """What a request hears whose worker ended: whether to try again depends on what ended it."""
    if death.status in (-SIGKILL, -SIGTERM):
        line = f"the process that read it {death}, as when memory runs out; send it again"
        return Refusal(503, f"{line}, or fewer pages at once", retry_after=5)
    return Refusal(
        500, f"the process that read it {death}; its files may be broken: leave them out"
    )
