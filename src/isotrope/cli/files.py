"""What the commands that take images share: finding the files, and writing lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import typer

from isotrope.cli.errors import Complaints

# With fewer images than this a progress bar is gone before it is seen.
_MANY = 32


def gather(inputs: Sequence[Path], complaints: Complaints) -> list[Path]:
    """The files given, and those of the folders given, in their order."""
    from isotrope.io.images import ImageError, find_images

    files = []
    for path in inputs:
        try:
            files += find_images(path) if path.is_dir() else [path]
        except ImageError as error:
            complaints.add(error)
    return files


def tracked(files: Sequence[Path], out: Path | None) -> Iterator[Path]:
    """The files, with a bar on standard error where there are many and it disturbs nothing."""
    texts_on_screen = out is None and sys.stdout.isatty()
    if len(files) < _MANY or texts_on_screen or not sys.stderr.isatty():
        yield from files
        return
    from rich.console import Console
    from rich.progress import Progress

    # Redirected, the texts of a pipe would go to the bar's console: standard error.
    console = Console(stderr=True)
    with Progress(console=console, transient=True, redirect_stdout=False) as progress:
        yield from progress.track(files, description="Reading")


def write(lines: Iterable[str], out: Path | None) -> None:
    """Lines to a file, whole or not at all, or to standard output as they come."""
    from isotrope.io.files import replacing

    if out is None:
        for line in lines:
            typer.echo(line)
        return
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)
