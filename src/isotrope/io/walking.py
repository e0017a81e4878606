"""Find the images of a folder one at a time, in natural order (2.png before 10.png)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from heapq import nsmallest
from pathlib import Path

from isotrope.io.opening import image_suffixes

_DIGITS = re.compile(r"\d+")

HELD = 1 << 16
"""How many names of one folder are held at once; a larger folder is listed several times."""


_Entry = tuple[str, str, bool]
"""The key, the name, and whether it is a folder; in this order they are sorted."""


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
        elif entry[2]:
            walks.append((place / entry[1], _entries(place / entry[1], suffixes)))
        else:
            yield place / entry[1]


def natural(name: str) -> str:
    """A key that sorts names with runs of digits as numbers.

    A run becomes NUL, which no name contains, the number of its digits without leading zeros, and
    the digits.
    """
    return _DIGITS.sub(lambda run: _number(str(int(run[0]))), name)


def _number(digits: str) -> str:
    return f"\0{chr(len(digits))}{digits}"


def _entries(folder: str | Path, suffixes: frozenset[str]) -> Iterator[_Entry]:
    """The images and subfolders of one folder, in order, at most `HELD` of them in memory."""
    last = ""
    while True:
        with os.scandir(folder) as found:
            batch = nsmallest(HELD, _after(last, found, suffixes))
        yield from (entry for entry in batch if not _is_link(folder, entry))
        if len(batch) < HELD:
            return
        last = batch[-1][1]


def _after(
    last: str, found: Iterator[os.DirEntry[str]], suffixes: frozenset[str]
) -> Iterator[_Entry]:
    """The images and subfolders that come after a name; all if it is empty."""
    least = natural(last), last
    for entry in found:
        name = entry.name
        is_folder = _is_folder(entry)
        if name[0] == "." or not (is_folder or os.path.splitext(name)[1].lower() in suffixes):
            continue
        key = natural(name)
        if (key, name) > least:
            yield key, name, is_folder


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # opening it says why
        return False


def _is_link(folder: str | Path, entry: _Entry) -> bool:
    """Whether an entry is a link to a folder, which may lead in a circle."""
    return entry[2] and os.path.islink(os.path.join(folder, entry[1]))
