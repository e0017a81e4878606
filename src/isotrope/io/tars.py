"""Read the files of a tar on demand."""

from __future__ import annotations

import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

LARGEST = 256 << 20
"""Maximum size of one file in a tar, in bytes."""

LARGEST_UNPACKED = 2 << 30
"""Maximum total size of the files of a compressed tar, which are kept in memory, in bytes."""

_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)


class TarFiles(Mapping[str, bytes]):
    """Map normalized file names to contents; if a name occurs twice, the last file counts.

    An uncompressed tar is indexed once and reopened for every access, so threads and forked or
    spawned processes may share the object. A compressed tar is unpacked into memory.

    Args:
        path: The tar, uncompressed or compressed with gzip, bzip2 or xz.

    Raises:
        ValueError: The tar is broken, or contains a link, a device, or a file over `LARGEST` bytes;
            or a compressed tar unpacks to over `LARGEST_UNPACKED` bytes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._places: dict[str, tuple[int, int]] = {}
        self._contents: dict[str, bytes] = {}
        try:
            try:
                self._index()
            except tarfile.ReadError:
                self._unpack()
        except _BROKEN as error:
            reason = str(error).split(":\n")[0]
            raise ValueError(f"{path} is not a whole tar ({reason}); copy it again") from error

    def _index(self) -> None:
        with tarfile.open(self.path, "r:") as tar:
            for member in self._files(tar):
                self._places[posixpath.normpath(member.name)] = (member.offset_data, member.size)

    def _unpack(self) -> None:
        self._places, left = {}, LARGEST_UNPACKED
        with tarfile.open(self.path, "r:*") as tar:
            for member in self._files(tar):
                left -= member.size
                if left < 0:
                    raise ValueError(
                        f"{self.path} unpacks to more than {LARGEST_UNPACKED >> 20} MiB, too much "
                        "for memory; give a tar that is not compressed, or a folder"
                    )
                file = tar.extractfile(member)
                self._contents[posixpath.normpath(member.name)] = file.read() if file else b""

    def _files(self, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        for member in tar:
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                kind = "a link" if member.issym() or member.islnk() else "no plain file"
                raise ValueError(
                    f"{self.path}: {member.name} is {kind}; pack plain files, with links followed "
                    "(tar --dereference --hard-dereference)"
                )
            if member.size > LARGEST:
                raise ValueError(
                    f"{self.path}: {member.name} has more than {LARGEST >> 20} MiB, too much for "
                    "an image; take it out"
                )
            yield member

    def __getitem__(self, name: str) -> bytes:
        if name in self._contents:
            return self._contents[name]
        start, size = self._places[name]
        with self.path.open("rb") as file:
            file.seek(start)
            content = file.read(size)
        if len(content) < size:
            raise ValueError(f"{self.path} was cut short since it was opened; copy it again")
        return content

    def place(self, name: str) -> tuple[int, int]:
        """The first byte of a file in the tar, and its length.

        Raises:
            ValueError: The tar is compressed.
        """
        if self._contents:
            raise ValueError(f"{self.path} is compressed; unpack it to a plain tar (gunzip, unxz)")
        return self._places[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents or self._places)

    def __len__(self) -> int:
        return len(self._contents or self._places)
