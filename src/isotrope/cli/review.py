"""`isotrope adapt --review`: list the lines that a person should correct first."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import typer

if TYPE_CHECKING:
    from isotrope.ocr.engines import Engine

T = TypeVar("T")

LINES = 100
"""Default number of lines: about an hour's correcting."""


def review(
    pages: Path, out: Path, base: Path | None, adapter: str | None, lines: int | None
) -> None:
    """Read the lines of pages, and write the most useful ones to `out` for correction.

    Lines confirmed there before stay, and are not listed again.

    Args:
        pages: A folder of PAGE-XML or ALTO files with their images, or of page images alone, whose
            lines are found first.
        base: A folder of a recognizer of upright lines; None: the shipped one.
        adapter: The adapter to read with.
        lines: Number of lines.

    Raises:
        ValueError: There is nothing to correct, or the base or the adapter cannot be loaded.
    """
    from isotrope.io.transcripts import transcripts_in
    from isotrope.io.walking import walk_images
    from isotrope.ocr.engines.isotrope import Isotrope
    from isotrope.ocr.reader import Reader
    from isotrope.training.review.listing import (
        cut_out,
        most_useful_lines,
        read_lines,
        unseen_lines,
    )
    from isotrope.training.review.sheet import PAGE, Sheet

    sheet = Sheet(out)
    engine = Isotrope.from_pretrained(base, adapter)
    if not isinstance(engine, Isotrope):
        raise ValueError(f"{adapter} translates; leave out --start, or give an adapter that reads")
    if any(transcripts_in(pages)):
        found = unseen_lines(pages)
    else:
        reader = Reader.from_pretrained(engine=cast("Engine", engine))
        images = _tracked(list(walk_images(pages)))
        found = read_lines(reader.read_pages(images, on_error="return"))
        if not found:
            raise ValueError(f"{pages} has no page with text; give PAGE-XML, ALTO or page images")
    found = sheet.without_confirmed(found)
    listed = most_useful_lines(found, engine.session, lines or LINES, _tracked)
    sheet.write(listed, cut_out(listed))
    typer.echo(
        f"{out / PAGE}: {len(listed)} lines to correct, on "
        f"{len({line.outline.image for line in listed})} pages"
    )


def _tracked(pages: Sequence[T]) -> Iterable[T]:
    """The pages, with a progress bar if standard error is a terminal."""
    from rich.console import Console
    from rich.progress import track

    shown = sys.stderr.isatty()
    return track(pages, "Reading", console=Console(stderr=True), transient=True, disable=not shown)
