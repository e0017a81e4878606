"""An output that grows beside its place, and moves there when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

from isotrope.io.files import put_in_place
from isotrope.jobs.errors import JournalError, writing_to
from isotrope.jobs.journal import Journal

T = TypeVar("T")


def part_of(target: Path) -> Path:
    """Where an output grows."""
    return target.with_name(target.name + ".part")


def journal_of(target: Path) -> Path:
    """The journal of an output: beside a file, or inside a folder."""
    if target.is_dir():
        return target / ".isotrope-journal"
    return target.with_name(target.name + ".journal")


def length_of(target: Path) -> int | None:
    """Bytes of an output that is growing; None if there is none."""
    with suppress(FileNotFoundError):
        return part_of(target).stat().st_size
    return None


class Appended:
    """The output of a run with a journal.

    What was written after the journal's last line is cut off. A finished output stays as it is
    until there is more to write, which is then added to a copy.

    Args:
        target: The regular file that it becomes.
        journal: Says how much of it is whole.

    Raises:
        JournalError: The finished output was changed.
        OSError: It cannot be written.
    """

    def __init__(self, target: Path, journal: Journal) -> None:
        self.target, self.part, self.journal = target, part_of(target), journal
        self._file: IO[bytes] | None = None
        if self.part.exists() or not journal.begun:
            self._file = self._opened()
        elif journal.size is None:
            raise JournalError(
                f"{self.part}: is gone, with what was read; delete {journal.path} to start anew"
            )
        elif not target.exists() or target.stat().st_size != journal.size:
            raise JournalError(
                f"{target}: was changed after it was finished; delete {journal.path} to start anew"
            )

    def _opened(self) -> IO[bytes]:
        descriptor = os.open(self.part, os.O_RDWR | os.O_CREAT, 0o666)
        file = os.fdopen(descriptor, "r+b")
        file.truncate(self.journal.offset)
        file.seek(self.journal.offset)
        return file

    def write(self, piece: bytes) -> None:
        """Add to the output."""
        with writing_to(self.part):
            if self._file is None:
                self._file = self._reopened()
            self._file.write(piece)

    def _reopened(self) -> IO[bytes]:
        """A copy of the finished output, without what was written at its end."""
        journal = self.journal
        draft = self.part.with_name(self.part.name + ".copy")
        shutil.copyfile(self.target, draft)
        put_in_place(draft, self.part)
        journal.commit((), (), journal.offset, journal.tally)
        return self._opened()

    @property
    def finished(self) -> bool:
        """Whether it is in its place, whole, and nothing was added since."""
        return self._file is None

    @property
    def place(self) -> int:
        """Bytes written so far."""
        return self.journal.offset if self._file is None else self._file.tell()

    def flush(self) -> None:
        """Show others what was written."""
        if self._file is not None:
            with writing_to(self.part):
                self._file.flush()

    def sync(self) -> None:
        """Write it to the disk."""
        if self._file is not None:
            with writing_to(self.part):
                self._file.flush()
                os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Move it to its place and record that; what was committed must be all."""
        if self._file is None:
            return
        self.sync()
        journal = self.journal
        journal.commit((), (), journal.offset, journal.tally, self._file.tell())
        self.close()
        with writing_to(self.target):
            put_in_place(self.part, self.target)

    def discard(self) -> None:
        """Delete what was written."""
        self.close()
        self.part.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave it for another run to go on with."""
        if self._file is not None:
            with suppress(OSError):  # a full disk was reported by the write that met it
                self._file.close()
            self._file = None


def continued(
    write: Callable[[Iterable[T]], Iterable[bytes]], stand_in: T | None, results: Iterator[T]
) -> Iterator[bytes]:
    """The pieces of an output from where earlier runs left it.

    Args:
        write: Yields the pieces of a result before it takes the next.
        stand_in: A result in place of those that are written already; its pieces, and those before
            it, such as a header, are left out. None: nothing is written.
        results: Those to write.
    """
    begun = stand_in is None

    def all_results() -> Iterator[T]:
        nonlocal begun
        if stand_in is not None:
            yield stand_in
        begun = True
        yield from results

    for piece in write(all_results()):
        if begun:
            yield piece
