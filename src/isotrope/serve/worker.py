"""A worker: a process that reads one request after the other, and can be killed at any time."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from isotrope.serve.job import Answer, Job, PictureJob, Setup
from isotrope.serve.limits import Refusal

_ENDING = 5.0  # seconds from the end of a worker's pipe to its own


class WorkerDied(Exception):
    """A worker ended while it was needed.

    Args:
        status: As `Process.exitcode`: negative for a signal.
    """

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        if self.status is not None and self.status < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-self.status).name}"
        return f"ended with status {self.status}"


class Worker:
    """A worker, as its server sees it. It starts at once, and loads its reader.

    Args:
        setup: What it needs to know.
    """

    def __init__(self, setup: Setup) -> None:
        spawn = get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(theirs, setup), daemon=True)
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """Wait until the reader is loaded.

        Raises:
            ValueError, OSError, ModuleNotFoundError: It cannot be loaded.
            WorkerDied: The process ended.
        """
        problem = self._receive()
        if isinstance(problem, Exception):
            raise problem

    def ask(self, job: Job | PictureJob, seconds: float) -> Answer:
        """Have a request read.

        Args:
            job: What to read.
            seconds: The time it may take; then the process is ended.

        Raises:
            Refusal: It cannot be read.
            TimeoutError: It took longer.
            WorkerDied: The process ended.
        """
        late = threading.Event()

        def end() -> None:
            late.set()
            self.end()

        clock = threading.Timer(seconds, end)
        clock.daemon = True
        clock.start()
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # receiving says that it died
                self._pipe.send(job)
            answer = self._receive()
        except WorkerDied as death:
            if late.is_set():
                raise TimeoutError from death
            raise
        finally:
            clock.cancel()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def pid(self) -> int | None:
        """The number of its process."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self._process.is_alive()

    def end(self) -> None:
        """End the process at once, also while another thread waits for its answer."""
        self._process.kill()

    def close(self) -> None:
        """End the process, wait for it, and free what it held."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied(self._status()) from error

    def _status(self) -> int | None:
        """How the process has ended; None if it still has not.

        A thread that starts another process asks how all of them have ended, and for a moment it
        is the only one that knows.
        """
        end = time.monotonic() + _ENDING
        while (status := self._process.exitcode) is None and time.monotonic() < end:
            self._process.join(0.1)
        return status


def serve(pipe: Connection, setup: Setup) -> None:
    """What the process does: load the reader, then answer until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    warnings.simplefilter("ignore")  # standard error is for the log
    try:
        from isotrope.serve.answering import Answerer

        answerer = Answerer(setup)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        pipe.send(error)
        return
    gc.freeze()  # what is loaded stays, so the garbage collector need not look at it again
    pipe.send(None)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(answerer, pipe.recv()))


def _answer(answerer: Any, job: Job | PictureJob) -> Answer | Exception:
    try:
        return answerer.answer(job)
    except Refusal as refusal:
        return refusal
    except MemoryError:
        return Refusal(422, "too large for this server's memory; make it smaller or cut it up")
    except Exception as error:
        import traceback

        traceback.print_exc(file=sys.stderr)
        return Refusal(500, f"the reader failed ({type(error).__name__}); report it")
