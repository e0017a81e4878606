"""The files to read, one at a time: named files, the images of folders, entries of a list."""

from __future__ import annotations

import io
import os
import shutil
import stat
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from isotrope.io.errors import ImageError

STDIN = Path("-")
"""The name of standard input, as an image or as the list of images."""

NOTHING = "nothing on standard input; pipe something into it"
"""The problem of an empty standard input."""

_BLOCK = 1 << 16


class Found(NamedTuple):
    """A file to read.

    Args:
        path: Where it is.
        relative: Its path in the folder that was named; its name if it was named itself.
    """

    path: Path
    relative: Path


class Inputs:
    """Named files, the images in named folders, and those of a list, in order.

    It can be iterated any number of times, and holds neither the list nor the files of a folder. An
    `ImageError` stands for a named path that does not exist, or a folder without images. A list
    that is a pipe is copied to a temporary file.

    Args:
        named: Files, folders, and `-`.
        files_from: A file that lists more of them, or `-`.
        null: Whether the entries of the list end in NUL instead of newlines.
        pdf: Whether the PDF files of a folder belong to its images.

    Raises:
        OSError: The list cannot be read.
        ImageError: It is standard input, which is empty.
    """

    def __init__(
        self,
        named: Sequence[Path],
        files_from: Path | None = None,
        null: bool = False,
        pdf: bool = False,
    ) -> None:
        self.named, self.pdf = tuple(named), pdf
        self.files_from, self._end = files_from, b"\0" if null else b"\n"
        self._copy: IO[bytes] | None = None
        if files_from == STDIN:
            self._copy = self._copied(sys.stdin.buffer if sys.stdin else io.BytesIO())
            if not self._copy.tell():
                raise ImageError(NOTHING, str(STDIN))
        elif files_from is not None:
            with files_from.open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self._copy = self._copied(file)

    @property
    def may_be_several(self) -> bool:
        """Whether there may be more than one file."""
        return self.files_from is not None or len(self.named) > 1 or self.has_folder

    @property
    def has_folder(self) -> bool:
        """Whether one of the named inputs is a folder."""
        return any(map(os.path.isdir, self.named))

    def __iter__(self) -> Iterator[Found | ImageError]:
        for path in self.paths():
            yield from self._under(path)

    def paths(self) -> Iterator[Path]:
        """The named paths and the entries of the list, which may be folders; empty ones are not."""
        yield from self.named
        with self._list() as file:
            for entry in _split(file, self._end) if file else ():
                if b"\0" in entry:
                    raise ValueError(
                        f"{self.files_from}: no list of file names, it has NUL bytes; give one "
                        "name a line, or --null if each ends in NUL"
                    )
                if entry:
                    yield Path(os.fsdecode(entry))

    def _copied(self, source: IO[bytes]) -> IO[bytes]:
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, copy.close)
        shutil.copyfileobj(source, copy)
        copy.flush()
        return copy

    @contextmanager
    def _list(self) -> Iterator[IO[bytes] | None]:
        if self.files_from is None:
            yield None
        elif self._copy is None:
            with self.files_from.open("rb") as file:
                yield file
        else:
            # A descriptor of its own, because two iterations may be under way at once.
            with open(os.dup(self._copy.fileno()), "rb", buffering=0) as file:
                yield cast("IO[bytes]", _FromStart(file))

    def _under(self, path: Path) -> Iterator[Found | ImageError]:
        from isotrope.io.images import NO_IMAGES
        from isotrope.io.walking import walk_images

        if os.path.isdir(path):
            file = None
            for file in walk_images(path, self.pdf):
                # A folder that cannot be opened stands for itself.
                yield Found(
                    file, file.relative_to(path) if file != path else Path(path.name or "folder")
                )
            if file is None:
                yield ImageError(NO_IMAGES, str(path))
        elif path == STDIN:
            yield Found(path, Path("stdin"))
        elif problem := _missing(path):
            yield problem
        else:
            yield Found(path, Path(path.name))


class _FromStart:
    """Reads a file that shares its position with others, by places of its own."""

    def __init__(self, file: io.FileIO) -> None:
        self._file, self._place = file, 0

    def read(self, size: int) -> bytes:
        self._file.seek(self._place)
        content = self._file.read(size)
        self._place += len(content)
        return content


def _split(file: IO[bytes], end: bytes) -> Iterator[bytes]:
    """The entries of a list, each without its end; `\\r` before a newline is part of the end."""
    rest = b""
    while block := file.read(_BLOCK):
        *entries, rest = (rest + block).split(end)
        yield from (_trimmed(entry, end) for entry in entries)
    yield _trimmed(rest, end)


def _trimmed(entry: bytes, end: bytes) -> bytes:
    return entry.removesuffix(b"\r") if end == b"\n" else entry


def _missing(path: Path) -> ImageError | None:
    """Why a path does not exist, from opening it; None if it does."""
    from isotrope.io.opening import opened

    if os.path.exists(path):
        return None
    try:
        with opened(path):
            return None
    except ImageError as error:
        return error


def standard_input() -> bytes:
    """The content of standard input."""
    return sys.stdin.buffer.read() if sys.stdin else b""
