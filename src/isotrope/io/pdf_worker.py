"""The process that draws PDF files: see `isotrope.io.pdf_process`."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from isotrope.io.errors import TOO_LARGE, ImageError
from isotrope.io.pdf import PdfPages
from isotrope.io.pdf_process import receive, send

MEMORY = 4 << 30
"""Address space that the process may have, bytes, where the system knows such limits."""


def main() -> None:
    """Answer requests until the program that sends them ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program
    requests = os.fdopen(0, "rb", 0)
    answers = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)  # nothing but answers goes through the pipe
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_AS", MEMORY)
    files: dict[int, PdfPages] = {}
    with suppress(EOFError, BrokenPipeError):
        while True:
            request, body = receive(requests)
            _limit("RLIMIT_CPU", int(time.process_time()) + 1 + request["seconds"])
            try:
                answer, pixels = _answer(files, request, bytes(body))
            except MemoryError:
                answer, pixels = {"error": TOO_LARGE}, b""
            except ImageError as error:
                answer, pixels = {"error": error.problem}, b""
            send(answers, answer, pixels)
    sys.stdout.flush()


def _answer(
    files: dict[int, PdfPages], request: dict[str, Any], body: bytes
) -> tuple[dict[str, Any], bytes | memoryview]:
    """Do what a request asks for."""
    file, do = request["file"], request["do"]
    if do == "open":
        files[file] = PdfPages(Path(request["path"]) if "path" in request else body)
        return {"count": len(files[file])}, b""
    if do == "close":
        files.pop(file).close()
        return {}, b""
    if do == "has_text":
        return {"text": files[file].has_text(request["index"])}, b""
    page = files[file].draw(request["index"])
    return {"shape": page.pixels.shape, "resolution": page.resolution}, page.pixels.data.cast("B")


def _limit(name: str, value: int) -> None:
    """Lower a limit of this process, if the system has it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    kind = getattr(resource, name)
    soft, hard = resource.getrlimit(kind)
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    ceiling = hard if name == "RLIMIT_CPU" else min(known, default=resource.RLIM_INFINITY)
    if ceiling != resource.RLIM_INFINITY:
        value = min(value, ceiling)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, hard))
