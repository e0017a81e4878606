"""What the commands that take images share: which images, one result for each, where it goes."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import typer

from isotrope.cli.errors import Complaints, UsageError
from isotrope.cli.progress import counted

if TYPE_CHECKING:
    import numpy as np

    from isotrope.io.images import ImageError

T = TypeVar("T")

STDIN = Path("-")
"""The name of standard input, among the images and as their list."""


class Page(NamedTuple):
    """An image to read, or why there is none.

    Args:
        name: The file; of several pages `FILE#1`, `FILE#2` and so on.
        pixels: (H, W, 3), uint8 RGB.
        is_last: Whether its file has no more pages.
    """

    name: str
    pixels: np.ndarray | ImageError
    is_last: bool = True


def gather(
    inputs: Sequence[Path] | None, files_from: Path | None, null: bool, complaints: Complaints
) -> list[Path]:
    """The files named, and those of the folders named, in their order; nothing is decoded.

    Args:
        inputs: Files, folders, and `-`.
        files_from: A list of more of them, or `-`.
        null: Whether the entries of the list end in NUL, not in line ends.
        complaints: Gets a line for what is not there.

    Raises:
        UsageError: There is no input, or standard input is named twice.
        OSError: The list cannot be read.
    """
    from isotrope.io.images import ImageError, find_images

    if not inputs and files_from is None:
        raise UsageError("no images; name files or folders, - or --files-from")
    named = [*(inputs or []), *(_listed(files_from, null) if files_from else [])]
    if [*named, files_from].count(STDIN) > 1:
        raise UsageError("- is named twice; standard input can be read only once")
    files: list[Path] = []
    for path in named:
        try:
            if os.path.isdir(path):
                files += find_images(path)
            elif path == STDIN or _is_there(path):
                files.append(path)
        except ImageError as error:
            complaints.add(error)
    return files


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse, before anything is read, outputs that cannot be or would destroy something.

    Args:
        outputs: Paths by the options that name them.
        inputs: The files that are read.

    Raises:
        UsageError: Two outputs are one file, or one is an input.
        ValueError: There is no folder to write it into.
    """
    from isotrope.io.files import refuse_overwriting

    seen: dict[str, str] = {}
    sources = [path for path in inputs if path is not None]
    for option, path in outputs.items():
        if path is None:
            continue
        if not path.parent.is_dir():
            raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
        if (place := os.path.realpath(path)) in seen:
            raise UsageError(f"{seen[place]} and {option} are both {path}; give two files")
        seen[place] = option
        try:
            refuse_overwriting(path, sources)
        except ValueError as error:
            raise UsageError(f"{option} {error}") from error


def check_folder(option: str, path: str | Path | None) -> None:
    """Refuse a folder that is not there.

    Raises:
        ValueError: It is not a folder.
    """
    if path is not None and not os.path.isdir(path):
        problem = "a file, not a folder" if os.path.exists(path) else "no such folder"
        raise ValueError(f"{path}: {problem}; check {option}")


def check_path(option: str, path: Path) -> None:
    """Refuse a file or folder that is not there.

    Raises:
        ValueError: It is not.
    """
    if not os.path.exists(path):
        raise ValueError(f"{path}: no such file or folder; check {option}")


def answered(
    files: Sequence[Path],
    answer: Callable[[Iterator[np.ndarray]], Iterator[T | ImageError]],
    out: Path | None,
    complaints: Complaints,
) -> Iterator[tuple[Page, T]]:
    """Each readable image with what is said of it; a complaint for each other one.

    Args:
        files: What `gather` found.
        answer: Maps images to a result for each, in their order, as lazily as it likes.
        out: Where the results go. None: standard output.
        complaints: Gets a line for each image that cannot be read.
    """
    from isotrope.io.images import ImageError

    waiting: deque[Page] = deque()

    def images() -> Iterator[np.ndarray]:
        for file in files:
            for page in _pages(file):
                waiting.append(page)
                if not isinstance(page.pixels, ImageError):
                    yield page.pixels

    def settled() -> Iterator[Page]:
        """The pages that have waited, up to the next one that has an answer."""
        while waiting:
            page = waiting.popleft()
            yield page
            if not isinstance(page.pixels, ImageError):
                return

    with counted(len(files), out) as count:
        for result in chain(answer(images()), [None]):  # None: what waits behind the last answer
            for page in settled():
                problem = page.pixels if isinstance(page.pixels, ImageError) else result
                if isinstance(problem, ImageError):
                    complaints.add(ImageError(problem.problem, page.name))
                elif result is not None:
                    yield page, result
                if page.is_last:
                    count()


def started(results: Iterator[T]) -> Iterator[T] | None:
    """The same results once the first is there; None where there is none."""
    first = next(results, None)
    return None if first is None else chain([first], results)


def is_stream(out: Path | None) -> bool:
    """Whether an output is standard output, a pipe or a device: what is there cannot be lost."""
    return out is None or (out.exists() and not out.is_file())


def write(lines: Iterable[str], out: Path | None) -> None:
    """Lines to a file, whole or not at all, or to a stream as they come.

    Args:
        lines: Without their ends.
        out: A file, or a pipe or device. None: standard output.
    """
    from isotrope.io.files import writing

    if out is None:
        for line in lines:
            typer.echo(line)
        return
    with writing(out) as file:
        file.writelines(line + "\n" for line in lines)


def _listed(path: Path, null: bool) -> list[Path]:
    """The entries of a list of files; empty ones are left out."""
    content = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    entries = content.split(b"\0") if null else content.splitlines()
    return [Path(os.fsdecode(entry)) for entry in entries if entry]


def _is_there(path: Path) -> bool:
    """Whether a path leads somewhere.

    Raises:
        ImageError: It does not; opening it says why.
    """
    from isotrope.io.opening import opened

    if not os.path.exists(path):
        with opened(path):
            pass
    return True


def _pages(file: Path) -> Iterator[Page]:
    """The pages of a file, decoded one at a time, or why there are no more."""
    from isotrope.io.images import ImageError, frames

    name, number = str(file), 0
    before: np.ndarray | None = None
    try:
        for number, pixels in enumerate(frames(_source(file)), start=1):
            if before is not None:
                yield Page(f"{name}#{number - 1}", before, is_last=False)
            before = pixels
    except ImageError as error:
        if before is not None:
            yield Page(f"{name}#{number}", before, is_last=False)
        yield Page(f"{name}#{number + 1}" if number else name, error)
        return
    if before is not None:
        yield Page(f"{name}#{number}" if number > 1 else name, before)


def _source(file: Path) -> Path | bytes:
    return sys.stdin.buffer.read() if file == STDIN else file
