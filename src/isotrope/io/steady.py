"""Open files that may not be what they seem: pipes, devices, files that change while being read."""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path

from isotrope.io.errors import ImageError

MOST_BYTES = 1 << 31
"""Maximum size of what has to be read into memory whole: a pipe, or a file of some formats."""

_DESCRIPTOR = re.compile(r"/dev/stdin|/dev/fd/\d+|/proc/(?:self|\d+)/fd/\d+")


class SteadyFile(io.BufferedReader):
    """A regular file that decoders read through Python, and never map into memory.

    A mapped file that another program shortens kills the process that reads it (SIGBUS). Here the
    decoder reads too little, and raises an error.

    Args:
        path: The file.

    Raises:
        ImageError: It is a folder, a device, a pipe or an empty file.
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        check_file(path)
        super().__init__(io.FileIO(path, opener=_opened_at_once))
        self._content: bytes | None = None
        try:
            _check_kind(os.fstat(super().fileno()))
        except ImageError:
            self.close()
            raise

    def fileno(self) -> int:
        """Not given: libtiff would map the file."""
        raise io.UnsupportedOperation("fileno")

    def read(self, size: int | None = -1, /) -> bytes:
        """As usual, but the rest of a file only up to `MOST_BYTES`.

        Raises:
            ImageError: There is more.
        """
        if size is not None and size >= 0:
            return super().read(size)
        content = super().read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ImageError(too_long())
        return content

    def getvalue(self) -> bytes:
        """The whole file, read once: Pillow asks for it before it gives a file to libtiff."""
        if self._content is None:
            place = self.tell()
            self.seek(0)
            self._content = self.read()
            self.seek(place)
        return self._content


def check_file(path: Path) -> None:
    """Refuse a path that cannot be a file with an image.

    Raises:
        ImageError: It is a folder, a device, a pipe or an empty file.
    """
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise ImageError("a folder that cannot be opened; check its permissions")
    if path.exists():
        _check_kind(path.stat())


def piped(path: str | os.PathLike[str]) -> bytes | None:
    """What comes through an open descriptor: `/dev/stdin`, or `<(command)` in a shell.

    Returns:
        All of it; None if the path does not name a descriptor, or one that is not a pipe.

    Raises:
        ImageError: The descriptor is not open, or gives more than `MOST_BYTES`.
    """
    name = os.path.abspath(path)
    # By its name alone: a link in a folder must not make us wait for standard input.
    if not _DESCRIPTOR.fullmatch(name):
        return None
    try:
        kind = os.stat(name).st_mode
        if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
            return None
        number = 0 if name == "/dev/stdin" else int(name.rpartition("/")[2])
        with open(os.dup(number), "rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror}); check the pipe", str(path)) from error
    if len(content) > MOST_BYTES:
        raise ImageError(too_long(), str(path))
    return content


def too_long() -> str:
    """Why something is not read into memory."""
    return f"longer than {MOST_BYTES >> 30} GiB, the most that is read at once; cut it up"


def _opened_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for a writer, if it has become a named pipe just now."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_kind(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise ImageError("a folder, not an image; give the files in it")
    if not stat.S_ISREG(found.st_mode):  # reading a named pipe could block forever
        raise ImageError(
            "a device or a pipe, not an image; save the image to a file, or pipe it into "
            "`isotrope read -`"
        )
    if found.st_size == 0:
        raise ImageError("an empty file; save or copy it again")
