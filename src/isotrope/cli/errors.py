"""What went wrong, in one line on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def told() -> Iterator[None]:
    """What went wrong in one line, and exit status 1."""
    try:
        yield
    except ModuleNotFoundError as error:
        typer.echo(_missing(error), err=True)
        raise typer.Exit(1) from error
    except (ValueError, OSError) as error:
        typer.echo(f"isotrope: {error}", err=True)
        raise typer.Exit(1) from error


def _missing(error: ModuleNotFoundError) -> str:
    if error.name == "h5py":
        return f"isotrope: {error}"
    return f"isotrope: this needs {error.name}; pip install 'isotrope[train]'"
