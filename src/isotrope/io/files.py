"""Writing files: whole or not at all, and straight through to devices and pipes."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import platformdirs

_DESCRIPTORS = ("/dev/fd", "/proc/self/fd")
_MOST_LINKS = 40  # the limit on Linux


def cache_folder() -> Path:
    """The user's cache: `$XDG_CACHE_HOME/isotrope`, or the platform's place (`~/.cache/isotrope`).

    A user without a home directory, as in some containers, gets a folder among the temporary files.
    The folder need not exist.
    """
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "isotrope"
    try:
        Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir()) / ".cache" / "isotrope"
    return platformdirs.user_cache_path("isotrope", appauthor=False)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` if the block succeeds.

    A regular file is written whole or left as it was: the temporary file lies beside it, is synced
    to disk, and is renamed. Links are followed, so the link stays and its target is replaced or
    created; the file keeps its mode and owner. A device, a pipe or an open descriptor
    (`/dev/stdout`) is never replaced: the temporary file is copied into it. Parallel writers, in
    threads, processes or on hosts that share a disk, do not disturb each other: the last one wins.

    Args:
        path: The file to write. Its folder must exist.

    Yields:
        An empty file, with the suffix of `path`, to write to by its name.

    Raises:
        OSError: It cannot be written. `path` is named, never the temporary file.
    """
    target = _resolved(path)
    if isinstance(target, int) or _is_stream(target):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / Path(path).name
            temporary.touch()
            yield temporary
            with temporary.open("rb") as source, _open_stream(target, "wb") as stream:
                shutil.copyfileobj(source, stream)
        return
    with _naming(path):
        temporary, mode = _make_beside(target)
    try:
        with _naming(path, (None, str(temporary))):
            yield temporary
        with _naming(path):
            _put(temporary, target, mode)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[IO[str]]:
    r"""A text file (UTF-8, lines end in `\n`) that is complete if the block succeeds.

    Like `replacing`, except that a device, a pipe or an open descriptor gets each line as it is
    written.

    Args:
        path: The file to write. Its folder must exist.

    Raises:
        OSError: It cannot be written.
    """
    target = _resolved(path)
    if isinstance(target, int) or _is_stream(target):
        with _open_stream(target, "w", encoding="utf-8", newline="\n", buffering=1) as file:
            yield file
        return
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        yield file


@contextmanager
def writing_bytes(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that is complete if the block succeeds; see `writing`.

    A device, a pipe or an open descriptor gets each piece as it is written.
    """
    target = _resolved(path)
    if isinstance(target, int) or _is_stream(target):
        with _open_stream(target, "wb", buffering=0) as file:
            yield file
        return
    with replacing(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def filling(folder: str | Path) -> Iterator[Path]:
    """Yield a temporary folder whose files move into `folder` if the block succeeds.

    Each file replaces the one with the same name, as in `replacing`. Other files of `folder` stay.
    Leftovers of a killed run cannot get in, because each temporary folder is new.

    Args:
        folder: Created, with its parents, if missing.

    Yields:
        An empty folder with a hidden name inside `folder`, and so on the same disk.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".isotrope-", dir=folder) as name:
        partial = Path(name)
        probe, mode = _make_beside(partial / "probe")
        probe.unlink()
        yield partial
        for file in sorted(path for path in partial.rglob("*") if path.is_file()):
            path = folder / file.relative_to(partial)
            path.parent.mkdir(parents=True, exist_ok=True)
            with _naming(path):
                _put(file, _regular(path), mode)


def real_file(path: str | Path) -> Path | None:
    """The regular file behind the links of a path, which need not exist.

    Returns:
        None for a device, a pipe or an open descriptor.
    """
    target = _resolved(path)
    return None if isinstance(target, int) or _is_stream(target) else target


def put_in_place(temporary: str | Path, target: str | Path) -> None:
    """Sync a finished file to disk and rename it onto another, whose mode and owner it gets.

    Args:
        temporary: A file in the same folder, which is gone afterwards.
        target: The place, which need not exist; no link (see `real_file`).

    Raises:
        OSError: It cannot be written. `target` is named.
    """
    temporary, target = Path(temporary), Path(target)
    with _naming(target):
        _put(temporary, target, stat.S_IMODE(temporary.stat().st_mode))
    temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | Path) -> None:
    """Remove what a kill left of `replacing` and `filling` in a folder that nobody writes to."""
    for path in Path(folder).glob(".isotrope-????????*"):  # the journal of a reader is shorter
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def refuse_overwriting(path: str | Path, inputs: Iterable[str | Path]) -> None:
    """Reject an output path that is also an input, under any name.

    Args:
        path: The output; it need not exist.
        inputs: The files that are read.

    Raises:
        ValueError: The output is one of the inputs according to `os.path.samefile`. Devices and
            pipes may be both input and output.
    """
    if not Path(path).is_file():
        return
    for source in inputs:
        with suppress(OSError):  # whoever reads a missing input reports it
            if os.path.samefile(path, source):
                raise ValueError(
                    f"{path} is the input {source} and would be overwritten; give another output"
                )


def _resolved(path: str | Path) -> Path | int:
    """Follow the links of a path to the file behind it, or to the number of an open descriptor."""
    place = Path(path)
    descriptors = {os.path.realpath(folder) for folder in _DESCRIPTORS}
    for _ in range(_MOST_LINKS):
        parent = os.path.realpath(place.parent)
        # Linux shows a descriptor as a link to its file; following it would replace that file.
        if parent in descriptors and place.name.isdecimal():
            return int(place.name)
        place = Path(parent, place.name)
        if not place.is_symlink():
            return place
        place = place.parent / os.readlink(place)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _is_stream(target: Path) -> bool:
    """Whether to write through to the target. False for a folder: opening it explains itself."""
    return target.exists() and not (target.is_file() or target.is_dir())


def _open_stream(target: Path | int, mode: str, **options) -> IO:
    if isinstance(target, int):
        if sys.stdout:
            sys.stdout.flush()  # output printed earlier must come first
        target = os.dup(target)  # reopening would truncate the file and start at its beginning
    return open(target, mode, **options)


def _regular(path: Path) -> Path:
    """Resolve a file of a folder; a stream cannot be part of a model."""
    target = _resolved(path)
    if isinstance(target, int) or _is_stream(target):
        raise OSError(errno.EINVAL, "no regular file; remove it", str(path))
    return target


def _make_beside(target: Path) -> tuple[Path, int]:
    """Create an empty file beside `target`; return it and the mode that new files get there."""
    if target.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if target.exists() and not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    # tempfile would create it with mode 0600; open applies the umask. The suffix is kept because
    # libraries choose the format by it.
    suffix = target.suffix if len(target.suffix) <= 16 else ""
    temporary = target.with_name(f".isotrope-{secrets.token_hex(8)}{suffix}")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    return temporary, stat.S_IMODE(temporary.stat().st_mode)


def _put(temporary: Path, target: Path, mode: int) -> None:
    """Sync the content to disk, then rename onto `target`.

    Args:
        mode: The mode for a new file. An existing file keeps its mode and owner.
    """
    if target.exists():
        kept = target.stat()
        if hasattr(os, "chown"):  # not on Windows
            with suppress(PermissionError):
                os.chown(temporary, kept.st_uid, kept.st_gid)
        mode = stat.S_IMODE(kept.st_mode)
    os.chmod(temporary, mode)  # also if a library has recreated the file, as safetensors does
    _sync(temporary, os.O_RDWR)
    try:
        os.replace(temporary, target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # A file that is itself a mount point, as in a container, cannot be renamed over.
        shutil.copyfile(temporary, target)
        _sync(target, os.O_RDWR)
        return
    sync_folder(target.parent)


def sync_folder(folder: str | Path) -> None:
    """Sync the names in a folder to disk, where the system can."""
    with suppress(OSError):  # not every system can open folders
        _sync(Path(folder), os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _naming(path: str | Path, of: tuple[str | None, ...] | None = None) -> Iterator[None]:
    """Make system errors name `path`; with `of`, only those that name one of these."""
    try:
        yield
    except OSError as error:
        if error.errno is None or not (of is None or error.filename in of):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
