"""Run a page reader in its own process, to measure its time and memory alone.

Not for the command line: `PageWorker` starts this file.
"""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection

import numpy as np

from page_readers import PageRead, load_page_reader
from worker import Process, answering, peak_megabytes


class PageWorker(Process):
    """A context manager; the process ends with it.

    Args:
        reader, threads: As in `load_page_reader`.
        limit: Seconds a page may take; the first is read twice. None: any time.

    Raises:
        ReaderError: The reader cannot be loaded.
    """

    def __init__(self, reader: str, threads: int = 2, limit: float | None = None) -> None:
        self.limit = limit
        super().__init__(__file__, reader, str(threads), threads=threads)

    def __call__(self, pixels: np.ndarray, degrees: int) -> tuple[PageRead, float, float]:
        """Return what was read, the seconds, and the peak memory since the start in MB.

        Raises:
            ReaderError: The reader failed, or took longer than its limit.
        """
        return self.ask((pixels, degrees), self.limit)


def serve(pipe: Connection, reader: str, threads: str) -> None:
    """Load the reader and answer until the other end is closed; errors are sent as text."""
    with answering(pipe):
        read, warm = load_page_reader(reader, int(threads)), False
        pipe.send(None)
        while True:
            pixels, degrees = pipe.recv()
            if not warm:  # the first call allocates memory
                read(pixels, degrees)
                warm = True
            started = time.perf_counter()
            found = read(pixels, degrees)
            pipe.send((found, time.perf_counter() - started, peak_megabytes()))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), *sys.argv[2:])
