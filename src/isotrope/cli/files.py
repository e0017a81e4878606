"""Shared by the commands that take images: find the images, and pair them with results."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from isotrope.cli.errors import Complaints, UsageError
from isotrope.cli.progress import counted

if TYPE_CHECKING:
    import numpy as np

    from isotrope.io.images import ImageError
    from isotrope.io.sheets import PageImage

T = TypeVar("T")

STDIN = Path("-")
"""The name of standard input, as an image or as the list of images."""


class Found(NamedTuple):
    """A file to read.

    Args:
        path: Where it is.
        relative: Its path in the folder that was named; its name if it was named itself.
    """

    path: Path
    relative: Path


class Sheet(NamedTuple):
    """A page of a file.

    Args:
        file: Its path, or `-`.
        image: The page itself.
        source: The file, or the content of standard input.
    """

    file: Path
    image: PageImage
    source: Path | bytes

    @property
    def name(self) -> str:
        """The file; `FILE#1`, `FILE#2` and so on if it has several pages."""
        from isotrope.io.sheets import page_name

        return page_name(str(self.file), self.image.number, self.image.count)


def gather(
    inputs: Sequence[Path] | None,
    files_from: Path | None,
    null: bool,
    complaints: Complaints,
    pdf: bool = False,
) -> list[Found]:
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
    files: list[Found] = []
    for path in named:
        try:
            if os.path.isdir(path):
                files += (Found(file, _under(path, file)) for file in find_images(path, pdf))
            elif path == STDIN or _is_there(path):
                files.append(Found(path, Path("stdin" if path == STDIN else path.name)))
        except ImageError as error:
            complaints.add(error)
    return files


def paths(files: Sequence[Found]) -> list[Path]:
    """Where the files are."""
    return [file.path for file in files]


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
    skip_text: bool = False,
) -> Iterator[tuple[Sheet, T]]:
    """Each readable page with its result; a complaint for each other page.

    Args:
        files: Paths of files, or `-`.
        answer: Maps images to one result each, in order; it may be lazy.
        out: Where the results go. None: standard output.
        complaints: Gets a line for each page that cannot be read.
        skip_text: Whether to pass over the pages of PDF files that have text.
    """
    from isotrope.io.images import ImageError

    waiting: deque[Sheet | ImageError | None] = deque()  # None: a file ends

    def images() -> Iterator[np.ndarray]:
        for file in files:
            page = None
            for page in _pages(file, skip_text):
                waiting.append(page)
                if not isinstance(page, ImageError):
                    yield page.image.pixels
            if page is None:
                complaints.warn(f"{file}: all of its pages have text and were passed over")
            waiting.append(None)

    with counted(len(files), out) as count:
        for result in chain(answer(images()), [None]):  # None: for pages after the last answer
            while waiting:
                page = waiting.popleft()
                if page is None:
                    count()
                elif isinstance(page, ImageError):
                    complaints.add(page)
                else:
                    if isinstance(result, ImageError):
                        complaints.add(ImageError(result.problem, page.name))
                    elif result is not None:
                        yield page, result
                    break


def _under(folder: Path, file: Path) -> Path:
    """The path of a file in a folder that it was found in; a folder in it may be unreadable."""
    return file.relative_to(folder) if file != folder else Path(file.name)


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


def _pages(file: Path, skip_text: bool) -> Iterator[Sheet | ImageError]:
    """The pages of a file, decoded one at a time, or errors in their place, which name them."""
    from isotrope.io.images import ImageError
    from isotrope.io.sheets import page_images

    try:
        source = _standard_input() if file == STDIN else file
    except ImageError as error:
        yield error
        return
    for page in page_images(source, skip_text, str(file)):
        yield page if isinstance(page, ImageError) else Sheet(file, page, source)


def _standard_input() -> bytes:
    """The contents of standard input.

    Raises:
        ImageError: Standard input is empty.
    """
    from isotrope.io.images import ImageError

    if content := sys.stdin.buffer.read() if sys.stdin else b"":
        return content
    raise ImageError("nothing on standard input; pipe something into it", str(STDIN))
