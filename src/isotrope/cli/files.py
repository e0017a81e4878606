"""Shared by the commands that take images: find the images, and pair them with results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from isotrope.cli.errors import Complaints, UsageError
from isotrope.cli.progress import counted
from isotrope.io.errors import ImageError
from isotrope.jobs.inputs import NOTHING, STDIN, Inputs, standard_input

if TYPE_CHECKING:
    import numpy as np

    from isotrope.io.sheets import PageImage
    from isotrope.jobs.survey import Survey

T = TypeVar("T")


class Sheet(NamedTuple):
    """A page of a file.

    Args:
        file: Its path, or `-`.
        image: The page itself.
    """

    file: Path
    image: PageImage

    @property
    def name(self) -> str:
        """The file; `FILE#1`, `FILE#2` and so on if it has several pages."""
        from isotrope.io.sheets import page_name

        return page_name(str(self.file), self.image.number, self.image.count)


def look(
    named: Sequence[Path] | None,
    files_from: Path | None,
    null: bool,
    complaints: Complaints,
    pdf: bool = False,
) -> tuple[Inputs, Survey]:
    """Go through the files to read once, without opening them.

    Args:
        named: Files, folders, and `-`.
        files_from: A file that lists more of them, or `-`.
        null: Whether the entries of the list end in NUL instead of newlines.
        complaints: Gets a line for each path that does not exist.
        pdf: Whether the PDF files of a folder belong to its images.

    Raises:
        UsageError: There is no input, or standard input is named twice.
        OSError: The list cannot be read.
        ImageError: It is standard input, which is empty.
    """
    from isotrope.jobs.survey import Survey

    if not named and files_from is None:
        raise UsageError("no images; name files or folders, - or --files-from")
    listed = [] if files_from is None else [files_from]
    _check_once([*(named or []), *listed].count(STDIN))
    inputs = Inputs(named or [], files_from, null, pdf)
    survey = Survey(inputs, complaints.add)
    _check_once(survey.standard_inputs + listed.count(STDIN))
    return inputs, survey


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
    files: Iterable[Path],
    total: int,
    answer: Callable[[Iterator[np.ndarray]], Iterator[T | ImageError]],
    complaints: Complaints,
) -> Iterator[tuple[Sheet, T]]:
    """Each readable page with its result; a complaint for each other page.

    Args:
        files: Paths of files, or `-`.
        total: How many there are.
        answer: Maps images to one result each, in order; it may be lazy.
        complaints: Gets a line for each page that cannot be read.
    """
    from isotrope.io.opening import silence_decoders

    silence_decoders()
    waiting: deque[Sheet | ImageError | None] = deque()  # None: a file ends

    def images() -> Iterator[np.ndarray]:
        for file in files:
            for page in _pages(file):
                waiting.append(page)
                if not isinstance(page, ImageError):
                    yield page.image.pixels
            waiting.append(None)

    with counted(total) as count:
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


def source_of(file: Path) -> Path | bytes:
    """What to open: the file, or the content of standard input for `-`.

    Raises:
        ImageError: Standard input is empty.
    """
    if file != STDIN:
        return file
    if content := standard_input():
        return content
    raise ImageError(NOTHING, str(STDIN))


def _check_once(times: int) -> None:
    if times > 1:
        raise UsageError("- is named twice; standard input can be read only once")


def _pages(file: Path) -> Iterator[Sheet | ImageError]:
    """The pages of a file, decoded one at a time, or errors in their place, which name them."""
    from isotrope.io.sheets import page_images

    try:
        source = source_of(file)
    except ImageError as error:
        yield error
        return
    for page in page_images(source, name=str(file)):
        yield page if isinstance(page, ImageError) else Sheet(file, page)
