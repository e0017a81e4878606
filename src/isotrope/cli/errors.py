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
    except (ValueError, OSError, ModuleNotFoundError) as error:
        typer.echo(f"isotrope: {one_line(error)}", err=True)
        raise typer.Exit(1) from error


def one_line(error: Exception) -> str:
    """What an error says; of a missing module, what to install."""
    if isinstance(error, ModuleNotFoundError) and error.msg.startswith("No module named"):
        return f"this needs {error.name}; pip install 'isotrope[train]'"  # ours say it themselves
    return " ".join(str(error).split())
