"""What went wrong, in one line on standard error."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

_EXTRAS = {
    "torch": ("torch", "transformers", "peft", "tokenizers", "safetensors", "jiwer", "matplotlib"),
    "onnx": ("onnx", "onnxscript"),
    "rapidocr": ("rapidocr",),
    "test": ("pytest", "hypothesis"),
}
"""The modules that each extra installs; `train` installs the rest."""


class UsageError(ValueError):
    """Options that make no sense, whatever the files hold: exit status 2."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print an error on one line and exit, with status 1, or 2 where it is a `UsageError`."""
    try:
        yield
    except BrokenPipeError:
        raise  # Whoever reads us has seen enough; typer ends quietly.
    except (ValueError, OSError, ModuleNotFoundError) as error:
        typer.echo(one_line(error), err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error


def one_line(problem: Exception | str) -> str:
    """A problem as every command words it.

    Spaces stay as they are: a file's name may have two in a row. For a missing module it says what
    to install.
    """
    if isinstance(problem, ModuleNotFoundError) and str(problem).startswith("No module named"):
        problem = f"this needs {problem.name}; {_remedy(problem.name or '')}"
    if isinstance(problem, OSError) and problem.strerror and problem.filename:
        problem = f"{problem.filename}: {problem.strerror}; check the path and its permissions"
    return "isotrope: " + str(problem).replace("\n", " ")


def _remedy(module: str) -> str:
    """What installs a module; Python's own error does not say it."""
    root = module.partition(".")[0]
    extra = next((extra for extra, modules in _EXTRAS.items() if root in modules), "train")
    return f"pip install 'isotrope[{extra}]'"


class Complaints:
    """What went wrong: one line each on standard error, and how many there were."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, problem: Exception | str) -> None:
        """Print one problem."""
        self.count += 1
        self.warn(problem)

    def warn(self, problem: Exception | str) -> None:
        """Print what may be wrong; it does not count."""
        # Not err=True, which goes round the progress bar's hold on sys.stderr and into the bar.
        typer.echo(one_line(problem), file=sys.stderr)

    @contextmanager
    def about(self, path: Path | None) -> Iterator[None]:
        """Complain of a file (None: standard output) that cannot be written."""
        try:
            yield
        except OSError as error:
            if path is None and isinstance(error, BrokenPipeError):
                raise  # Whoever reads us has seen enough; typer ends quietly.
            name = path or "standard output"
            self.add(f"{name}: cannot be written ({error.strerror or error}); free or change it")
            if path is None:
                # What is left in its buffer would fail again at exit, with a traceback.
                sys.stdout = io.StringIO()
