"""Run a reader in its own single-threaded process, to measure its CPU time and memory alone.

Not for the command line: `Worker` starts this file.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from readers import Images, Read, load_reader

_LIMITS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ONE_THREAD = dict.fromkeys(_LIMITS, "1")
"""Environment variables for the process."""


class ReaderError(RuntimeError):
    """A reader could not be loaded or failed on an image; the message is one line."""


class Worker:
    """A context manager; the process ends with it.

    Args:
        reader, kind: As in `load_reader`.

    Raises:
        ReaderError: The reader cannot be loaded.
    """

    def __init__(self, reader: str, kind: str) -> None:
        self.reader = reader
        self._pipe, theirs = Pipe()
        command = [sys.executable, __file__, str(theirs.fileno()), reader, kind]
        environment = os.environ | ONE_THREAD
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        theirs.close()
        try:
            self._answer()
        except ReaderError:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pipe.close()  # which ends the process
        self._process.wait()

    def __call__(self, images: Images) -> tuple[list[Read], float, float]:
        """Return the readings, their CPU seconds, and the peak memory since the start in MB.

        Raises:
            ReaderError: The reader failed.
        """
        with suppress(BrokenPipeError):  # `_answer` reports why it ended
            self._pipe.send(images)
        return self._answer()

    def _answer(self) -> tuple[list[Read], float, float]:
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            status = self._process.wait()
            raise ReaderError(f"{self.reader}: its process ended with status {status}") from None
        if isinstance(answer, str):
            raise ReaderError(f"{self.reader}: {answer}")
        return answer


def cpu_seconds() -> float:
    """CPU seconds of all threads of this process and of its child processes."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_megabytes() -> float:
    """Peak resident memory of this process or a child, in MB."""
    status = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024 / 1e6


def serve(pipe: Connection, reader: str, kind: str) -> None:
    """Load the reader and answer until the other end is closed; errors are sent as text."""
    try:
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
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:  # report whatever a foreign reader raises
        pipe.send(" ".join(f"{type(error).__name__}: {error}".split()))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), *sys.argv[2:])
