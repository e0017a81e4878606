"""Shared by the commands that take images: find the images, and pair them with results."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from isotrope.cli.errors import Complaints, UsageError
from isotrope.cli.progress import counted

if TYPE_CHECKING:
    import numpy as np

    from isotrope.io.images import ImageError

T = TypeVar("T")

STDIN = Path("-")
"""The name of standard input, as an image or as the list of images."""


def gather(
    inputs: Sequence[Path] | None,
    files_from: Path | None,
    null: bool,
    complaints: Complaints,
    pdf: bool = False,
) -> list[Path]:
    """The named files, and the images in the named folders, in order, without decoding them.

    Args:
        inputs: Files, folders, and `-`.
        files_from: A file that lists more of them, or `-`.
        null: Whether the entries of the list end in NUL instead of newlines.
        complaints: Gets a line for each path that does not exist.
        pdf: Whether the PDF files of a folder belong to its images.

    Raises:
        UsageError: There is no input, or standard input is named twice.
        OSError: The list cannot be read.
    """
    from isotrope.io.images import ImageError, find_images

    if not inputs and files_from is None:
        raise UsageError("no images; name files or folders, - or --files-from")
    named = list(inputs or [])
    _check_standard_input([*named, files_from])
    if files_from:
        named += _listed(files_from, null)
        _check_standard_input([*named, files_from])
    files: list[Path] = []
    for path in named:
        try:
            if os.path.isdir(path):
                files += find_images(path, pdf)
            elif path == STDIN or _is_there(path):
                files.append(path)
        except ImageError as error:
            complaints.add(error)
    return files


def check_folder(option: str, path: str | Path | None) -> None:
    """Reject a folder that does not exist.

    Raises:
        ValueError: The path is not a folder.
    """
    if path is not None and not os.path.isdir(path):
        problem = "a file, not a folder" if os.path.exists(path) else "no such folder"
        raise ValueError(f"{path}: {problem}; check {option}")


def check_path(option: str, path: Path | None, remedy: str = "") -> None:
    """Reject a file or folder that does not exist.

    Args:
        remedy: The remedy to name; by default, to check the option.

    Raises:
        ValueError: The path does not exist.
    """
    if path is not None and not os.path.exists(path):
        raise ValueError(f"{path}: no such file or folder; {remedy or f'check {option}'}")


def answered(
    files: Sequence[Path],
    answer: Callable[[Iterator[np.ndarray]], Iterator[T | ImageError]],
    out: Path | None,
    complaints: Complaints,
) -> Iterator[tuple[str, np.ndarray, T]]:
    """The name, pixels and result of each readable image; a complaint for each other image.

    Args:
        files: The files from `gather`.
        answer: Maps images to one result each, in order; it may be lazy.
        out: Where the results go. None: standard output.
        complaints: Gets a line for each image that cannot be read.
    """
    from isotrope.io.images import ImageError

    waiting: deque[tuple[str, np.ndarray | ImageError] | None] = deque()  # None: a file ends

    def images() -> Iterator[np.ndarray]:
        for file in files:
            for name, pixels in _pages(file):
                waiting.append((name, pixels))
                if not isinstance(pixels, ImageError):
                    yield pixels
            waiting.append(None)

    with counted(len(files), out) as count:
        for result in chain(answer(images()), [None]):  # None: for pages after the last answer
            while waiting:
                if (page := waiting.popleft()) is None:
                    count()
                    continue
                name, pixels = page
                if isinstance(pixels, ImageError):
                    complaints.add(ImageError(pixels.problem, name))
                    continue
                if isinstance(result, ImageError):
                    complaints.add(ImageError(result.problem, name))
                elif result is not None:
                    yield name, pixels, result
                break


def _check_standard_input(paths: Sequence[Path | None]) -> None:
    if paths.count(STDIN) > 1:
        raise UsageError("- is named twice; standard input can be read only once")


def _listed(path: Path, null: bool) -> list[Path]:
    """The entries of a list of files; empty ones are left out."""
    content = _standard_input() if path == STDIN else path.read_bytes()
    entries = content.split(b"\0") if null else content.splitlines()
    return [Path(os.fsdecode(entry)) for entry in entries if entry]


def _is_there(path: Path) -> bool:
    """Whether a path exists.

    Raises:
        ImageError: It does not exist, with the reason from opening it.
    """
    from isotrope.io.opening import opened

    if not os.path.exists(path):
        with opened(path):
            pass
    return True


def _pages(file: Path) -> Iterator[tuple[str, np.ndarray | ImageError]]:
    """The pages of a file with their names, decoded one at a time, or errors in their place."""
    from isotrope.io.images import ImageError
    from isotrope.io.sheets import page_images, page_name

    try:
        source = _source(file)
    except ImageError as error:
        yield str(file), error
        return
    for page in page_images(source, name=str(file)):
        if isinstance(page, ImageError):
            yield page.source or str(file), page
        else:
            yield page_name(str(file), page.number, page.count), page.pixels


def _source(file: Path) -> Path | bytes:
    return _standard_input() if file == STDIN else file


def _standard_input() -> bytes:
    """The contents of standard input.

    Raises:
        ImageError: Standard input is empty.
    """
    from isotrope.io.images import ImageError

    if content := sys.stdin.buffer.read() if sys.stdin else b"":
        return content
    raise ImageError("nothing on standard input; pipe something into it", str(STDIN))
