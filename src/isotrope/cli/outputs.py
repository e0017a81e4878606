"""Check outputs before reading anything, and write them without destroying other files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

import typer

from isotrope.cli.errors import UsageError

T = TypeVar("T")


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path]) -> None:
    """Reject outputs that cannot be written or would destroy something, before reading anything.

    Args:
        outputs: Paths by the options that name them.
        inputs: The files to read; they are gone through for each output that exists.

    Raises:
        UsageError: Two outputs are the same file, or an output is an input.
        ValueError: The folder of an output does not exist, or there is no permission to write.
    """
    from isotrope.io.files import refuse_overwriting

    seen: dict[str, str] = {}
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
            refuse_overwriting(path, inputs)
        except ValueError as error:
            raise UsageError(f"{option} {error}") from error


def started(results: Iterator[T]) -> Iterator[T] | None:
    """The same results, after waiting for the first; None if there are none."""
    first = next(results, None)
    return None if first is None else chain([first], results)


def is_stream(out: Path | None) -> bool:
    """Whether an output is standard output, a pipe or a device, which cannot be overwritten."""
    return out is None or (out.exists() and not out.is_file())


def write(lines: Iterable[str], out: Path | None) -> None:
    """Write lines to a file atomically, or to a stream one by one.

    Args:
        lines: Lines without newlines.
        out: A file, pipe or device. None: standard output.
    """
    from isotrope.io.files import writing

    if out is None:
        for line in lines:
            typer.echo(line)
        return
    with writing(out) as file:
        file.writelines(line + "\n" for line in lines)


def write_bytes(pieces: Iterable[bytes], out: Path | None) -> None:
    """Write pieces to a file atomically, or to a stream one by one.

    Args:
        pieces: Of the content.
        out: A file, pipe or device; its folder is made if it is missing. None: standard output.
    """
    from isotrope.io.files import writing_bytes

    if out is None:
        stream = typer.get_binary_stream("stdout")
        for piece in pieces:
            stream.write(piece)
            stream.flush()
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with writing_bytes(out) as file:
        file.writelines(pieces)
