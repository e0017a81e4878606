"""What went wrong, in one line on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def told() -> Iterator[None]:
    """What went wrong in one line, and exit status 1; of a missing module, what to install."""
    try:
        yield
    except (ValueError, OSError, ModuleNotFoundError) as error:
        problem: Exception | str = error
        # Python's own says no remedy; ours do.
        if isinstance(error, ModuleNotFoundError) and str(error).startswith("No module named"):
            problem = f"this needs {error.name}; pip install 'isotrope[train]'"
        typer.echo(one_line(problem), err=True)
        raise typer.Exit(1) from error


def one_line(problem: Exception | str) -> str:
    """A problem as every command words it; spaces stay, a file's name may have two in a row."""
    return "isotrope: " + str(problem).replace("\n", " ")
