"""Make the finder of a reader. No torch."""

from __future__ import annotations

from pathlib import Path

from isotrope.ocr.orientation.finder import OrientationFinder
from isotrope.ocr.views import Finder

FINDERS = ("isotrope", "orbit")
"""The names that `make_finder` knows."""


def make_finder(
    finder: str | Path | Finder, threads: int | None = None, device: str | None = None
) -> Finder | None:
    """Make a finder by name, or from a folder of weights; None for "orbit".

    Raises:
        ValueError: There is no finder of this name, and no folder.
    """
    if finder == "isotrope":
        return OrientationFinder.from_pretrained(threads=threads, device=device)
    if finder == "orbit":
        return None
    if not isinstance(finder, (str, Path)):
        return finder
    if not Path(finder).is_dir():
        raise ValueError(
            f"finder={str(finder)!r} is not known; use 'isotrope', 'orbit' or a folder of weights"
        )
    return OrientationFinder.from_pretrained(finder, threads, device)
