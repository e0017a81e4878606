"""Where the pages of files go: one file for all, or a folder with a file for each."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from isotrope.cli.errors import UsageError
from isotrope.cli.request import is_folder
from isotrope.io.errors import ImageError
from isotrope.io.files import refuse_overwriting
from isotrope.jobs.inputs import Found
from isotrope.jobs.survey import digest
from isotrope.jobs.work import numbered

if TYPE_CHECKING:
    from isotrope.jobs.inputs import Inputs
    from isotrope.jobs.survey import Survey


class Places:
    """The output of each page.

    A folder gets a file for each input, under the same relative name with another suffix. An output
    of one page has the page's number in its name if the input has several.

    Args:
        option: The option that names the output.
        given: Its value: a file, a folder, or None for standard output. It is a folder if it is
            one, ends in a slash, or has no suffix although there are `several` inputs.
        inputs: The files to read.
        survey: Of the inputs.
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
        inputs: Inputs,
        survey: Survey,
        suffix: str,
        holds: Literal["files", "file", "page"],
    ) -> None:
        self.option, self.suffix, self.holds = option, suffix, holds
        self.one = Path(given) if given is not None else None
        self.folder = given is not None and is_folder(given, inputs.may_be_several)
        self._survey = survey
        if given is not None and self.folder:
            _check_folder(option, Path(given))
            self._check_clashes(inputs)
            if os.path.isdir(given):
                self._check_overwriting(inputs)
        elif survey.count > 1 and holds != "files":
            raise UsageError(
                f"{option}: {survey.count} files to read, and one to write holds only one {holds}; "
                f"give {option} a folder, such as out/"
            )

    def of(self, relative: Path) -> Path | None:
        """The output of a file. None: standard output.

        Args:
            relative: Its path in the folder that was named.
        """
        if self.one is None or not self.folder:
            return self.one
        name = self.one / self._survey.output(relative)
        return name.with_name(name.name + self.suffix)

    def page(self, path: Path | None, file: Path, number: int, count: int) -> Path | None:
        """The output of a page.

        Args:
            path: The output of its file.
            file: The file.
            number, count: Of the page and of all.

        Raises:
            ValueError: Standard output cannot hold all pages of its file.
        """
        if self.holds != "page" or count == 1:
            return path
        if path is None:
            raise ValueError(
                f"{file}: has {count} pages, and standard output holds one in this format; give "
                f"{self.option} a folder, such as out/"
            )
        return numbered(path, self.suffix, number, count)

    def _check_clashes(self, inputs: Inputs) -> None:
        taken: dict[Path, Path] = {}
        for found in inputs if self._survey.has_clashes else ():
            if isinstance(found, ImageError) or not self._survey.clashes(found.relative):
                continue
            name = cast("Path", self.of(found.relative))
            if taken.setdefault(name, found.path) != found.path:
                raise UsageError(
                    f"{self.option} {self.one}: {taken[name]} and {found.path} would both be "
                    f"{name}; read them into two folders"
                )

    def _check_overwriting(self, inputs: Inputs) -> None:
        """Reject an output that is one of the inputs; only numbers of files are held."""
        outputs = (self.of(found.relative) for found in inputs if isinstance(found, Found))
        written = np.unique(np.fromiter(filter(None, map(_identity, outputs)), np.uint64))
        if not len(written):
            return
        for found in inputs:
            if isinstance(found, Found) and (number := _identity(found.path)):
                place = np.searchsorted(written, np.uint64(number))
                if place < len(written) and written[place] == number:
                    self._refuse(inputs, found.path, number)

    def _refuse(self, inputs: Inputs, source: Path, number: int) -> None:
        for found in inputs:
            path = self.of(found.relative) if isinstance(found, Found) else None
            if path is not None and _identity(path) == number:
                try:
                    refuse_overwriting(path, [source])
                except ValueError as error:
                    raise UsageError(f"{self.option} {error}") from error


def _identity(path: Path | None) -> int | None:
    """A number for a regular file, whatever its names; None if there is none."""
    try:
        status = os.stat(path or "")
    except OSError:
        return None
    return digest(f"{status.st_dev} {status.st_ino}") if stat.S_ISREG(status.st_mode) else None


def _check_folder(option: str, folder: Path) -> None:
    """Check that a folder can be made and written to."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"{there}: a file, not a folder; give {option} another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"{folder}: no permission to write {there}; give {option} another folder")
