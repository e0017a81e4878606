"""Where results go: outputs are checked before anything is read, and destroy nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

import typer

from isotrope.cli.errors import UsageError

T = TypeVar("T")


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse, before anything is read, outputs that cannot be or would destroy something.

    Args:
        outputs: Paths by the options that name them.
        inputs: The files that are read.

    Raises:
        UsageError: Two outputs are one file, or one is an input.
        ValueError: There is no folder to write it into, or no permission.
    """
    from isotrope.io.files import refuse_overwriting

    seen: dict[str, str] = {}
    sources = [path for path in inputs if path is not None]
    for option, path in outputs.items():
        if path is None:
            continue
        if not path.parent.is_dir():
            raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
        for place in (path, path.parent) if path.is_file() else (path.parent,):
            if not is_stream(path) and not os.access(place, os.W_OK):
                raise ValueError(f"{path}: no permission to write {place}; name another file")
        if (place := os.path.realpath(path)) in seen:
            raise UsageError(f"{seen[place]} and {option} are both {path}; give two files")
        seen[place] = option
        try:
            refuse_overwriting(path, sources)
        except ValueError as error:
            raise UsageError(f"{option} {error}") from error


def started(results: Iterator[T]) -> Iterator[T] | None:
    """The same results once the first is there; None where there is none."""
    first = next(results, None)
    return None if first is None else chain([first], results)


def is_stream(out: Path | None) -> bool:
    """Whether an output is standard output, a pipe or a device: what is there cannot be lost."""
    return out is None or (out.exists() and not out.is_file())


def write(lines: Iterable[str], out: Path | None) -> None:
    """Lines to a file, whole or not at all, or to a stream as they come.

    Args:
        lines: Without their ends.
        out: A file, or a pipe or device. None: standard output.
    """
    from isotrope.io.files import writing

    if out is None:
        for line in lines:
            typer.echo(line)
        return
    with writing(out) as file:
        file.writelines(line + "\n" for line in lines)
