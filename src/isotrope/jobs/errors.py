"""Why a run ends before all is read."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class JournalError(ValueError):
    """A run cannot start or go on; the message says why and what to do."""


class Stopped(Exception):
    """The run was asked to stop, by the signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Unwritable(Exception):
    """An output or a journal cannot be written; the message names it and says why."""


class ReaderFailed(Exception):
    """The reader, not one of the files, has failed; its error is the cause.

    It is no `ValueError`, because those of a format concern one output.
    """


@contextmanager
def failing() -> Iterator[None]:
    """Turn the errors of a reader into `ReaderFailed`."""
    try:
        yield
    except (ValueError, OSError, ModuleNotFoundError) as error:
        raise ReaderFailed(str(error)) from error


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn the system's errors into `Unwritable`."""
    try:
        yield
    except OSError as error:
        raise Unwritable(f"{path}: cannot be written ({error.strerror or error})") from error
