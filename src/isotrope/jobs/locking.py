"""Lock a file for one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps two processes from one file
    fcntl = None


def locked(path: Path) -> IO[bytes] | None:
    """Open a file to read and write, made if it is missing, that no other process has locked.

    The lock ends when the file is closed, at the latest with the process.

    Returns:
        The file; None if another process holds it.

    Raises:
        OSError: It cannot be opened.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        file = os.fdopen(descriptor, "r+b")
        if not _lock(descriptor):
            file.close()
            return None
        if _is_at(path, descriptor):
            return file
        file.close()  # its owner removed it just before letting go of it


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
