"""What a run has done, synced to disk, so that another run can go on.

A journal is a file of JSON lines. The first has the options of the run; each of the others says
which files were done or failed in a batch, and how long the output was after it. A line counts only
if it is whole and all lines before it are; one that was half written is cut off. The output of a
batch is synced before its line is written, so a line never speaks of output that may be lost.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from isotrope.io.files import sync_folder
from isotrope.jobs.errors import JournalError, writing_to
from isotrope.jobs.locking import locked
from isotrope.jobs.survey import digest

VERSION = 1


class Journal:
    """The journal of one run, locked as long as it is open.

    Args:
        path: The file.
        options: What the results depend on; JSON values.
        resume: Whether to go on with the run of an existing journal.
        length: Bytes of the output that is there; lines that speak of more are cut off. None: the
            output has no length.

    Attributes:
        offset: Bytes of the output that belong to done files.
        tally: Numbers that the run counts, by name.
        size: Bytes of the finished output; None if the run is not finished.
        failures: Number of failed files.

    Raises:
        JournalError: Another process has it open; it belongs to an unfinished run and `resume` is
            not given; it has other options; or it is no journal.
    """

    def __init__(
        self,
        path: Path,
        options: Mapping[str, Any],
        resume: bool = False,
        length: int | None = None,
    ) -> None:
        self.path, self.offset, self.tally = path, 0, {}
        self.size: int | None = None
        self._begun = False
        self._done, self._failed = array("Q"), set()
        self._file = locked(path)
        if self._file is None:
            raise JournalError(
                f"{path}: another process is at work with this journal; wait for it, or give "
                "another --out"
            )
        try:
            self._open(json.loads(json.dumps(options)), resume, length)
        except BaseException:
            self._file.close()
            raise
        self._order = np.sort(np.array(self._done, np.uint64))
        self._done = array("Q")

    def _open(self, options: dict[str, Any], resume: bool, length: int | None) -> None:
        file = self._writable
        header, whole = self._load(file, length)
        begun = self._begun
        if header is None and file.seek(0, os.SEEK_END) and not _may_be_ours(file):
            raise JournalError(f"{self.path}: not a journal of isotrope; move it elsewhere")
        if header is not None and resume and begun:
            _check_options(self.path, header.get("options", {}), options)
            file.truncate(whole)
            file.seek(whole)
            return
        if begun and not resume and self.size is None:
            raise JournalError(
                f"{self.path}: the journal of a run that was interrupted; go on with it by "
                "--resume, or delete it to start anew"
            )
        self.offset, self.tally, self.size, self._begun = 0, {}, None, False
        self._done, self._failed = array("Q"), set()
        file.truncate(0)
        file.seek(0)
        self._write({"isotrope": VERSION, "options": options})
        sync_folder(self.path.parent)

    def _load(self, file: IO[bytes], length: int | None) -> tuple[dict[str, Any] | None, int]:
        """Read the lines that count; return the first and the bytes of all."""
        header, whole = None, 0
        for row, end in _rows(file):
            if header is None:
                if row.get("isotrope") != VERSION:
                    break
                header = row
            elif length is not None and row.get("offset", 0) > length:
                break  # the output has lost its end
            else:
                self._take(row)
            whole = end
        return header, whole

    def _take(self, row: dict[str, Any]) -> None:
        done = [digest(path) for path in row.get("done", ())]
        self._begun = True
        self._done.extend(done)
        self._failed.difference_update(done)
        self._failed.update(digest(path) for path, _ in row.get("failed", ()))
        self.offset, self.tally = row.get("offset", 0), row.get("tally", {})
        self.size = row.get("size")

    @property
    def failures(self) -> int:
        """Number of files that failed and were not done since."""
        return len(self._failed)

    @property
    def begun(self) -> bool:
        """Whether files were done or failed, in this run or before."""
        return self._begun

    @property
    def closed(self) -> bool:
        """Whether it was closed or removed."""
        return self._file is None

    def handled(self, path: Path, times: int = 0, retry: bool = False) -> bool:
        """Whether a file was done, or has failed, before this run.

        Args:
            path: The file.
            times: How often it was named before.
            retry: Whether files that failed do not count.
        """
        key = digest(absolute(path))
        left, right = (np.searchsorted(self._order, np.uint64(key), side) for side in _SIDES)
        return bool(right - left > times) or (not retry and key in self._failed)

    def commit(
        self,
        done: Iterable[Path],
        failed: Iterable[tuple[Path, str]],
        offset: int = 0,
        tally: Mapping[str, int] | None = None,
        size: int | None = None,
    ) -> None:
        """Record a batch; its output must be on the disk already.

        Args:
            done: Files.
            failed: Files, and what was wrong.
            offset: Bytes of the output up to the last of these files.
            tally: Numbers to keep.
            size: Bytes of the whole output, if it is finished.
        """
        names = [absolute(path) for path in done]
        bad = [(absolute(path), problem) for path, problem in failed]
        row: dict[str, Any] = {"done": names, "failed": bad, "offset": offset, "tally": tally or {}}
        self._write(row if size is None else row | {"size": size})
        self._failed.difference_update(map(digest, names))
        self._failed.update(digest(path) for path, _ in bad)
        self.offset, self.tally, self.size = offset, dict(tally or {}), size
        self._begun = True

    def close(self) -> None:
        """Let others use it."""
        if self._file is not None:
            with suppress(OSError):  # a full disk was reported by the write that met it
                self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete and close it."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)
        self.close()

    @property
    def _writable(self) -> IO[bytes]:
        assert self._file is not None
        return self._file

    def _write(self, row: dict[str, Any]) -> None:
        file = self._writable
        with writing_to(self.path):
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


_SIDES = ("left", "right")


def absolute(path: Path) -> str:
    """The name of a file in the journal, whatever the current folder; `-` stays."""
    return str(path) if str(path) == "-" else os.path.abspath(path)


def _rows(file: IO[bytes]) -> Iterator[tuple[dict[str, Any], int]]:
    """The whole lines from the start, and the bytes up to their ends."""
    file.seek(0)
    end = 0
    for line in file:
        end += len(line)
        try:
            row = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            return
        if not isinstance(row, dict):
            return
        yield row, end


def _may_be_ours(file: IO[bytes]) -> bool:
    """Whether a file without a whole first line may be a journal that was just begun."""
    file.seek(0)
    start = b'{"isotrope": '
    head = file.read(len(start))
    return not head.strip(b"\0") or start.startswith(head)


def _check_options(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in dict.fromkeys([*before, *now]):
        if before.get(name) != now.get(name):
            raise JournalError(
                f"{path}: its run was started with {_said(name, before)}, not {_said(name, now)}; "
                "give the same options, or delete it to start anew"
            )


def _said(name: str, options: dict[str, Any]) -> str:
    value = options.get(name)
    return f"no {name}" if value in (None, False) else name if value is True else f"{name} {value}"
