"""Draw PDF files in a process of its own: one that crashes, hangs or takes all memory is replaced.

A small file can keep pdfium busy for hours or make it abort, which nothing within a process can
prevent. One process serves the whole program. It reads requests from its standard input and writes
answers to its standard output; each is the length of a JSON object, the object, and pixels or the
content of a file.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isotrope.io.errors import ImageError

if TYPE_CHECKING:
    from isotrope.io.pdf import PdfPages

SECONDS = 10
"""Processor time for opening a file, and for drawing a page."""

_CLOCK = 6  # times as long by the clock
_TICK = 0.5  # seconds between two looks at the clock
_DEATHS = 3  # of one file, after which the rest of its pages are not tried
_COMMAND = "import sys; sys.path[:] = {!r}; from isotrope.io.pdf_worker import main; main()"


def pdf_pages(source: Path | bytes) -> PdfApart | PdfPages:
    """The pages of a PDF, drawn in a process of its own where Python can start one.

    Raises:
        ImageError: As in `PdfApart`.
    """
    if sys.executable and not getattr(sys, "frozen", False):
        return PdfApart(source)
    from isotrope.io.pdf import PdfPages

    return PdfPages(source)


class PdfApart:
    """`isotrope.io.pdf.PdfPages` in another process. Threads may share it. Close it.

    Args:
        source: A path, or the content of a file.

    Raises:
        ImageError: The file is broken, needs a password, has no pages, takes too long to open, or
            breaks the program that draws it.
    """

    def __init__(self, source: Path | bytes) -> None:
        self._source = os.path.abspath(source) if isinstance(source, Path) else source
        self._process: subprocess.Popen | None = None
        self._deaths, self._count = 0, 0
        with _drawer.lock:
            self._count = self._open()

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Close the file."""
        with _drawer.lock, suppress(ImageError):
            if self._process is not None and self._process is _drawer.process:
                _drawer.ask({"do": "close", "file": id(self)})
        self._process = None

    def draw(self, index: int) -> tuple[np.ndarray, float]:
        """The pixels of a page, (H, W, 3), uint8 RGB, and its resolution, pixels per inch.

        Raises:
            ImageError: The page is broken, takes too long, or breaks the program that draws it.
        """
        answer, pixels = self._ask("draw", index)
        return np.frombuffer(pixels, np.uint8).reshape(answer["shape"]), answer["resolution"]

    def has_text(self, index: int) -> bool:
        """Whether a page has text.

        Raises:
            ImageError: As in `draw`.
        """
        return self._ask("has_text", index)[0]["text"]

    def _ask(self, do: str, index: int) -> tuple[dict[str, Any], bytearray]:
        if self._deaths >= _DEATHS:
            raise ImageError(
                f"not drawn, since {_DEATHS} other pages of this file could not be; repair the PDF "
                "(qpdf, or print it to a new one)"
            )
        with _drawer.lock:
            if self._process is None or self._process is not _drawer.process:
                self._open()  # another file made the process die
            try:
                return _drawer.ask({"do": do, "file": id(self), "index": index})
            except _Died:
                self._deaths += 1
                raise

    def _open(self) -> int:
        where = {"path": self._source} if isinstance(self._source, str) else {}
        body = self._source if isinstance(self._source, bytes) else b""
        count = _drawer.ask({"do": "open", "file": id(self), **where}, body)[0]["count"]
        self._process = _drawer.process
        return count


class _Died(ImageError):
    """The process ended before it answered."""


class _Watch(threading.Thread):
    """Ends a process that does not answer. A timer for each request would cost more than a page."""

    def __init__(self, process: subprocess.Popen) -> None:
        super().__init__(daemon=True)
        self.process, self.until, self.late = process, math.inf, False
        self.start()

    def run(self) -> None:
        while self.process.poll() is None:
            time.sleep(_TICK)
            if time.monotonic() > self.until:
                self.late = True
                self.process.kill()


class _Drawer:
    """The process that draws; started on first use, and again after it has died."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.process: subprocess.Popen | None = None
        self._watch: _Watch
        self._inherited: list[subprocess.Popen] = []
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def ask(self, request: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytearray]:
        """Send a request and wait for its answer. Hold the lock.

        Raises:
            _Died: The process died, or was ended because it took too long.
            ImageError: The process answers with one.
        """
        if self.process is None:
            self.process = _started()
            self._watch = _Watch(self.process)
        process, watch = self.process, self._watch
        assert process.stdin
        assert process.stdout
        watch.until = time.monotonic() + _CLOCK * SECONDS
        try:
            send(process.stdin, {**request, "seconds": SECONDS}, body)
            answer, rest = receive(process.stdout)
        except (OSError, EOFError) as error:
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
            self.stop()
            raise _Died(_end(process, watch.late)) from error
        except BaseException:  # what is left in the pipe must not answer the next request
            self.stop()
            raise
        finally:
            watch.until = math.inf
        if "error" in answer:
            raise ImageError(answer["error"])
        return answer, rest

    def stop(self) -> None:
        """End the process, if there is one."""
        if (process := self.process) is not None:
            self.process = None
            with process:  # closes its pipes and waits for it
                process.kill()

    def _forked(self) -> None:
        """A forked process gets a drawer of its own; it must not talk to its parent's."""
        self.lock = threading.RLock()
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()
            self._inherited.append(self.process)  # or it would complain that it still runs
            self.process = None


def send(pipe, message: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Write a message to a pipe that is not buffered."""
    head = json.dumps({**message, "length": len(body)}).encode()
    for part in (len(head).to_bytes(4, "big") + head, body):
        rest = memoryview(part)
        while len(rest):
            rest = rest[pipe.write(rest) :]


def receive(pipe) -> tuple[dict[str, Any], bytearray]:
    """Read a message from a pipe that is not buffered.

    Raises:
        EOFError: The pipe ends first.
    """
    message = json.loads(_exactly(pipe, int.from_bytes(_exactly(pipe, 4), "big")))
    return message, _exactly(pipe, message["length"])


def _exactly(pipe, size: int) -> bytearray:
    content = bytearray(size)
    rest = memoryview(content)
    while len(rest):
        count = pipe.readinto(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return content


def _started() -> subprocess.Popen:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _COMMAND.format(sys.path)]
    try:
        return subprocess.Popen(command, 0, None, pipe, pipe, subprocess.DEVNULL)
    except OSError as error:
        raise ImageError(f"cannot be drawn: no new process ({error.strerror})") from error


def _end(process: subprocess.Popen, late: bool) -> str:
    """Why a process ended without an answer."""
    if late or process.returncode == -getattr(signal, "SIGXCPU", 0):
        return (
            f"takes more than {SECONDS} s to draw; simplify it (print it to a new PDF), or leave "
            "it out"
        )
    return (
        "breaks the program that draws PDF files, or takes all of its memory; repair it (qpdf, or "
        "print it to a new one), or leave it out"
    )


_drawer = _Drawer()
