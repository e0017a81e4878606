"""Find the images of a folder one at a time, in natural order (2.png before 10.png)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from isotrope.io.opening import image_suffixes

HELD = 1 << 15
"""How many names of one folder are held at once; a larger folder is listed several times."""


class _Entry(NamedTuple):
    """A file or a subfolder; entries are ordered by their fields."""

    key: str
    name: str
    is_folder: bool


def walk_images(folder: str | Path, pdf: bool = False) -> Iterator[Path]:
    """Yield the images of a folder and its subfolders in natural order.

    Memory is bounded by `HELD`, however many images there are.

    Args:
        folder: Where to look. Hidden files, hidden subfolders and links to folders are skipped.
        pdf: Whether to yield PDF files too.

    Yields:
        Paths that start with `folder`, chosen by suffix (`image_suffixes`, in either case) alone.
        Paths that cannot be opened, such as broken links or unreadable folders, are included, so
        that the loading functions report them.
    """
    suffixes = image_suffixes() | ({".pdf"} if pdf else frozenset())
    walks = [(Path(folder), _entries(folder, suffixes))]
    while walks:
        place, entries = walks[-1]
        try:
            entry = next(entries, None)
        except OSError:
            walks.pop()
            yield place
            continue
        if entry is None:
            walks.pop()
        elif entry.is_folder:
            walks.append((place / entry.name, _entries(place / entry.name, suffixes)))
        else:
            yield place / entry.name


def natural(name: str) -> str:
    """A key that sorts names with runs of digits as numbers.

    A run becomes NUL, which no name contains, the number of its digits without leading zeros, and
    the digits.
    """
    return re.sub(r"\d+", lambda run: _number(str(int(run[0]))), name)


def _number(digits: str) -> str:
    return f"\0{chr(len(digits))}{digits}"


def _entries(folder: str | Path, suffixes: frozenset[str]) -> Iterator[_Entry]:
    """The images and subfolders of one folder, in order, at most `HELD` of them in memory."""
    last: _Entry | None = None
    while True:
        with os.scandir(folder) as found:
            listed = (_Entry(natural(each.name), each.name, _is_folder(each)) for each in found)
            wanted = (
                entry
                for entry in listed
                if not entry.name.startswith(".")
                and (entry.is_folder or os.path.splitext(entry.name)[1].lower() in suffixes)
                and (last is None or entry > last)
            )
            batch = nsmallest(HELD, wanted)
        yield from (entry for entry in batch if not _is_link(folder, entry))
        if len(batch) < HELD:
            return
        last = batch[-1]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # opening it says why
        return False


def _is_link(folder: str | Path, entry: _Entry) -> bool:
    """Whether an entry is a link to a folder, which may lead in a circle."""
    return entry.is_folder and os.path.islink(os.path.join(folder, entry.name))
