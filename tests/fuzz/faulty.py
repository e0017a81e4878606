"""Targets that break each rule, to see that the watchdog notices."""

import os
import signal
import time
from pathlib import Path


def crash(path):
    yield "page"
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(path):
    yield "page"
    while True:
        pass


def wait(path):
    yield "page"
    time.sleep(1000)


def error(path):
    raise KeyError("of another kind")
    yield


def wrote(path):
    elsewhere = Path("/tmp/isotrope-fuzz-elsewhere")
    elsewhere.touch()
    elsewhere.unlink()
    (path.parent / "here").touch()
    yield "page"


def noise(path):
    os.write(2, b"complaint of a library")
    yield "page"


def memory(path):
    try:
        bytearray(8 << 30)
    except MemoryError:
        yield "refused"


def fine(path):
    yield "page"
