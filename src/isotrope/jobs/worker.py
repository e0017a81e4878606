"""A process that reads files for another, and ends with it."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Literal, NamedTuple

from isotrope.jobs.work import Event, Work

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
_TOGETHER = 0.05
"""Events that follow each other within so many seconds are sent together."""


class Message(NamedTuple):
    """What a worker says.

    Args:
        kind: It is "ready", with the size of its tasks; it has some "events"; its task is "done";
            or it has "failed" with an exception, and ends.
        value: As said.
    """

    kind: Literal["ready", "events", "done", "failed"]
    value: object = None


def serve(connection: Connection, work: Work, threads: int, parent: int) -> None:
    """Read the files of each task that comes, and send what comes of them; end with the parent.

    Args:
        connection: To the parent; its end ends the worker.
        work: What is done.
        threads: Number of CPU threads.
        parent: The process to end with.
    """
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which lets us end
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for torch, which is not imported yet
    try:
        loaded = work.load(threads)
        connection.send(Message("ready", loaded.size))
        while True:
            for events in _together(loaded.read(connection.recv())):
                connection.send(Message("events", events))
            connection.send(Message("done"))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        connection.send(Message("failed", _portable(error)))


def _together(events: Iterator[Event]) -> Iterator[Sequence[Event]]:
    waiting: list[Event] = []
    last = time.monotonic()
    for event in events:
        waiting.append(event)
        if time.monotonic() - last > _TOGETHER:
            yield waiting
            waiting, last = [], time.monotonic()
    if waiting:
        yield waiting


def _portable(error: Exception) -> Exception:
    """The exception, or its text if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return ValueError(str(error))
    return error


def _end_with(parent: int) -> None:
    """Ask the system to kill this process when its parent dies, however it dies."""
    if not sys.platform.startswith("linux"):
        return  # the end of the connection is noticed after the file in hand
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that
        os._exit(1)
