"""Run a reader in its own single-threaded process, to measure its CPU time and memory alone.

Not for the command line: `Worker` starts this file.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from readers import Images, Read, load_reader

_LIMITS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ReaderError(RuntimeError):
    """A reader could not be loaded or failed on an image; the message is one line."""


class Process:
    """A Python file run with a limited number of threads, and a pipe to it; a context manager.

    Args:
        file: The file; it gets the number of its end of the pipe, then `reader` and `more`.
        reader: The reader's name, for errors.
        more: Further arguments.
        threads: Number of threads.

    Raises:
        ReaderError: The reader cannot be loaded.
    """

    def __init__(self, file: str, reader: str, *more: str, threads: int = 1) -> None:
        self.reader = reader
        self._file, self._arguments = file, (reader, *more)
        self._environment = os.environ | dict.fromkeys(_LIMITS, str(threads))
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        command = [sys.executable, self._file, str(theirs.fileno()), *self._arguments]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=self._environment, start_new_session=True
        )
        theirs.close()
        try:
            self._answer()
        except ReaderError:
            self.close()
            raise

    def restart(self) -> None:
        """End the process, if it has not ended, and start a new one.

        Raises:
            ReaderError: The reader cannot be loaded.
        """
        self.close()
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pipe.close()  # which ends the process
        self._process.wait()

    def ask(self, question: object, limit: float | None = None) -> Any:
        """Send a question and return the answer.

        Args:
            question: Anything that can be pickled.
            limit: Seconds to wait. None: forever.

        Raises:
            ReaderError: The reader failed, or took longer; then its process was killed.
        """
        with suppress(BrokenPipeError):  # `_answer` reports why it ended
            self._pipe.send(question)
        return self._answer(limit)

    def _answer(self, limit: float | None = None) -> Any:
        if not self._pipe.poll(limit):
            os.killpg(self._process.pid, signal.SIGKILL)  # with the programs it started
            raise ReaderError(f"{self.reader}: no answer in {limit:g} s")
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            status = self._process.wait()
            raise ReaderError(f"{self.reader}: its process ended with status {status}") from None
        if isinstance(answer, str):
            raise ReaderError(f"{self.reader}: {answer}")
        return answer


class Worker(Process):
    """A reader of words or lines in a process of one thread.

    Args:
        reader, kind: As in `load_reader`.

    Raises:
        ReaderError: The reader cannot be loaded.
    """

    def __init__(self, reader: str, kind: str) -> None:
        super().__init__(__file__, reader, kind)

    def __call__(self, images: Images) -> tuple[list[Read], float, float]:
        """Return the readings, their CPU seconds, and the peak memory since the start in MB.

        Raises:
            ReaderError: The reader failed.
        """
        return self.ask(images)


def cpu_seconds() -> float:
    """CPU seconds of all threads of this process and of its child processes."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_megabytes() -> float:
    """Peak resident memory of this process or a child, in MB."""
    status = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024 / 1e6


@contextmanager
def answering(pipe: Connection) -> Iterator[None]:
    """End quietly when the other end of the pipe is closed, and send errors as text."""
    try:
        yield
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:  # report whatever a foreign reader raises
        pipe.send(" ".join(f"{type(error).__name__}: {error}".split()))


def serve(pipe: Connection, reader: str, kind: str) -> None:
    """Load the reader and answer until the other end is closed; errors are sent as text."""
    with answering(pipe):
        read, warm = load_reader(reader, kind), False
        pipe.send(([], 0.0, peak_megabytes()))
        while True:
            images = pipe.recv()
            if not warm:  # the first call allocates memory
                read(images[:2])
                warm = True
            started = cpu_seconds()
            reads = read(images)
            pipe.send((reads, cpu_seconds() - started, peak_megabytes()))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), *sys.argv[2:])
