"""Several processes read files; what comes of them is in the order of the files."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import cast

from isotrope.jobs.run import PATIENCE, Answer, tasks
from isotrope.jobs.work import Event, Item, Work
from isotrope.jobs.worker import Message, serve

AHEAD = 8
"""How many tasks per worker may be begun before the first of them is done."""

HELD = 64
"""How many events of a task are held before it is its turn; its worker then waits."""

_SECOND = 1.0


@dataclass(eq=False)
class _Task:
    """Files for one worker, and what has come of them.

    Args:
        items: The files.
        alone: Whether it is a file whose worker has died before; it gets the machine to itself.
        known: How many events of its first file were used already.
    """

    items: Sequence[Item]
    alone: bool = False
    known: int = 0
    events: deque[Event] = field(default_factory=deque)
    begun: bool = False
    done: bool = False
    error: Exception | None = None
    ended: int = 0
    since: int = 0

    def take(self, events: Sequence[Event]) -> None:
        """Keep the events that are new."""
        for event in events:
            if event.kind == "end":
                self.ended, self.since, self.known = self.ended + 1, 0, 0
            else:
                self.since += 1
                if self.since <= self.known:
                    continue
            self.events.append(event)

    def rest(self, code: int | None) -> list[_Task]:
        """The tasks that take the place of what a dead worker has left.

        Args:
            code: Its exit status, negative for a signal.
        """
        self.done = True
        if self.alone:
            self.events.append(Event(0, "problem", _fatal(self.items[0], code)))
            self.events.append(Event(0, "end"))
            self.since = 0
            return []
        left = [_Task([item], alone=True) for item in self.items[self.ended :]]
        if left:
            left[0].known = self.since
        return left


@dataclass(eq=False)
class _Worker:
    """A process, the connection to it and its task."""

    process: BaseProcess
    connection: Connection
    ready: bool = False
    task: _Task | None = None


class Workers:
    """Reads files in several processes.

    A process starts only when there is work for it and no other is loading. One that dies, by a
    signal or for want of memory, is replaced; the files that it had are read again one by one,
    each with no other at work, and one that kills its process again has failed.

    Args:
        work: What is done.
        count: Number of processes.
        check: Called now and then with the seconds of patience that the caller has; it raises an
            exception to stop.
    """

    def __init__(self, work: Work, count: int, check: Callable[[float], None]) -> None:
        self.work, self.count, self.check = work, count, check
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._queue: deque[_Task] = deque()
        self._size = 0

    def answers(self, items: Iterator[Item]) -> Iterator[Answer]:
        """Read files.

        Yields:
            Events of the files in order; None where a task ends.

        Raises:
            Exception: What a worker has failed with.
            ValueError: No worker can be started.
        """
        self._start()
        while not self._size:
            self._wait()
        source = tasks(items, self._size)
        self._fill(source)
        while self._queue:
            self._dispatch()
            task = self._queue[0]
            while task.events:
                event = task.events.popleft()
                yield task.items[event.index], event
            if task.error is not None:
                raise task.error
            if task.done:
                self._queue.popleft()
                self._fill(source)
                if not task.since:  # else its last file goes on in the next task
                    yield None
            else:
                self._wait()

    def _fill(self, source: Iterator[Sequence[Item]]) -> None:
        while len(self._queue) < AHEAD * self.count:
            if (items := next(source, None)) is None:
                return
            self._queue.append(_Task(items))

    def _dispatch(self) -> None:
        """Give tasks to the workers that have none, in order; start another if all have some."""
        for task in self._queue:
            if task.begun:
                continue
            busy = [worker.task for worker in self._workers if worker.task is not None]
            if any(each.alone for each in busy) or (task.alone and busy):
                return
            if not (free := [w for w in self._workers if w.ready and w.task is None]):
                loading = any(not worker.ready for worker in self._workers)
                if len(self._workers) < self.count and not loading:
                    self._start()
                return
            free[0].task, task.begun = task, True
            try:
                free[0].connection.send(task.items)
            except OSError:
                self._bury(free[0])
                return

    def _start(self) -> None:
        here, there = self._context.Pipe()
        threads = max(1, cores() // self.count)
        arguments = (there, self.work, threads, os.getpid())
        process = self._context.Process(target=serve, args=arguments, daemon=True)
        with _deaf_to_ctrl_c():  # also the child, before it can say so itself
            process.start()
        there.close()
        self._workers.append(_Worker(process, here))

    def _wait(self) -> None:
        """Take what the workers have to say; leave those waiting that are far ahead."""
        first = self._queue[0] if self._queue else None
        heard = [
            worker
            for worker in self._workers
            if worker.task in (None, first)
            or len(worker.task.events) < HELD
            or (first is not None and not first.begun)  # it waits for all others to end
        ]
        said = wait([worker.connection for worker in heard], timeout=_SECOND)
        self.check(PATIENCE)
        for worker in heard:
            if worker.connection in said:
                try:
                    self._take(worker, worker.connection.recv())
                except (EOFError, OSError):
                    self._bury(worker)

    def _take(self, worker: _Worker, message: Message) -> None:
        task = worker.task
        if message.kind == "ready":
            worker.ready, self._size = True, cast("int", message.value)
        elif task is None:
            raise cast("Exception", message.value)  # it could not be loaded
        elif message.kind == "events":
            task.take(cast("Sequence[Event]", message.value))
        elif message.kind == "done":
            task.done, worker.task = True, None
        else:
            task.error, worker.task = cast("Exception", message.value), None

    def _bury(self, worker: _Worker) -> None:
        """Put what a dead worker has left in the place of its task."""
        self.check(0.0)
        worker.connection.close()
        worker.process.join(_SECOND)
        worker.process.kill()
        worker.process.join()
        self._workers.remove(worker)
        code, task = worker.process.exitcode, worker.task
        if not worker.ready:  # it could not even start; the others go on
            self.count = len(self._workers)
            if not self.count:
                raise ValueError(f"a process to read with has ended at its start ({_ending(code)})")
        if task is not None:
            for number, left in enumerate(task.rest(code), start=self._queue.index(task) + 1):
                self._queue.insert(number, left)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.connection.close()  # ends one that waits for a task
            if worker.task is not None or not worker.ready:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(_SECOND)
            worker.process.kill()
            worker.process.join()
            worker.process.close()
        self._workers.clear()


def cores() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _fatal(item: Item, code: int | None) -> str:
    return (
        f"{item.path}: reading it has twice ended the process ({_ending(code)}); it may need more "
        "memory than there is: make it smaller or leave it out"
    )


def _ending(code: int | None) -> str:
    """How a process has ended: "SIGKILL" or "status 3"."""
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"status {code}"
