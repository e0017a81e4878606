"""Where the pages of files go: one file for all, or a folder with a file for each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from isotrope.cli.errors import UsageError
from isotrope.cli.files import Found, Sheet
from isotrope.io.files import refuse_overwriting


class Places:
    """The output of each page.

    A folder gets a file for each input, under the same relative name with another suffix. An output
    of one page has the page's number in its name if the input has several.

    Args:
        option: The option that names the output.
        given: Its value: a file, a folder, or None for standard output. It is a folder if it is
            one, ends in a slash, or has no suffix although there are `several` inputs.
        files: The files to read.
        several: Whether there may be several inputs.
        suffix: Of the files in a folder.
        holds: What one output may hold: the pages of any "files", those of one "file", or a "page".

    Raises:
        UsageError: There are several files and only one output, which cannot hold them; or two
            files of a folder would have the same name; or one is an input.
        ValueError: The folder cannot be made or written to.
    """

    def __init__(
        self,
        option: str,
        given: str | None,
        files: Sequence[Found],
        several: bool,
        suffix: str,
        holds: Literal["files", "file", "page"],
    ) -> None:
        self.option, self.suffix, self.holds = option, suffix, holds
        self.one = Path(given) if given is not None else None
        self.folder = given is not None and _is_folder(given, several)
        self._names: dict[Path, Path] = {}
        if given is not None and self.folder:
            _check_folder(option, Path(given))
            self._names = _names(option, Path(given), files, suffix)
            for name in self._names.values():
                _refuse(option, name, files)
            return
        if len(files) > 1 and holds != "files":
            raise UsageError(
                f"{option}: {len(files)} files to read, and one to write holds only one {holds}; "
                f"give {option} a folder, such as out/"
            )

    def place(self, sheet: Sheet) -> Path | None:
        """Where a page goes. None: standard output.

        Raises:
            ValueError: Standard output cannot hold all pages of its file.
        """
        path = self._names.get(sheet.file, self.one)
        if self.holds != "page" or sheet.image.count == 1:
            return path
        if path is None:
            raise ValueError(
                f"{sheet.file}: has {sheet.image.count} pages, and standard output holds one in "
                f"this format; give {self.option} a folder, such as out/"
            )
        suffix = self.suffix if path.name.endswith(self.suffix) else path.suffix
        stem = path.name.removesuffix(suffix)
        return path.with_name(f"{stem}-{sheet.image.number}{suffix}")


def _is_folder(given: str, several: bool) -> bool:
    path = Path(given)
    if os.path.isdir(given) or given.endswith(("/", os.sep)):
        return True
    return several and not path.suffix and not path.exists()


def _check_folder(option: str, folder: Path) -> None:
    """Check that a folder can be made and written to."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"{there}: a file, not a folder; give {option} another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"{folder}: no permission to write {there}; give {option} another folder")


def _names(option: str, folder: Path, files: Sequence[Found], suffix: str) -> dict[Path, Path]:
    """The output of each file: `a.png` becomes `a.txt`, or `a.png.txt` if there is an `a.jpg`."""
    short = {file.path: folder / file.relative.with_suffix(suffix) for file in files}
    counts = Counter(short.values())
    names: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for file in files:
        name = short[file.path]
        if counts[name] > 1:
            name = folder / file.relative.with_name(file.relative.name + suffix)
        if name in taken:
            raise UsageError(
                f"{option} {folder}: {taken[name]} and {file.path} would both be {name}; read them "
                "into two folders"
            )
        taken[name] = file.path
        names[file.path] = name
    return names


def _refuse(option: str, path: Path, files: Sequence[Found]) -> None:
    try:
        refuse_overwriting(path, [file.path for file in files])
    except ValueError as error:
        raise UsageError(f"{option} {error}") from error
