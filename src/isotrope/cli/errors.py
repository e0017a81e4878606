"""Report errors on one line on standard error."""

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
    "pdf": ("pikepdf",),
    "serve": ("fastapi", "starlette", "uvicorn", "python_multipart", "prometheus_client"),
    "test": ("pytest", "hypothesis"),
}
"""The modules that each extra installs; `train` installs the rest."""


class UsageError(ValueError):
    """Options that make no sense whatever the files contain: exit status 2."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print an error on one line and exit with status 1, or 2 for a `UsageError`."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader closed the pipe; typer ends quietly
    except (ValueError, OSError, ModuleNotFoundError, MemoryError) as error:
        typer.echo(one_line(error), err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error


def one_line(problem: Exception | str) -> str:
    """The line that every command prints for a problem.

    Spaces are kept, because a file's name may have two in a row. For a missing module the line says
    what to install.
    """
    if isinstance(problem, ModuleNotFoundError) and str(problem).startswith("No module named"):
        problem = f"this needs {problem.name}; {_remedy(problem.name or '')}"
    if isinstance(problem, OSError) and problem.strerror and problem.filename:
        problem = f"{problem.filename}: {problem.strerror}; check the path and its permissions"
    if isinstance(problem, MemoryError):
        problem = "there is too little memory; free some, or raise its limit"
    return "isotrope: " + str(problem).replace("\n", " ")


def _remedy(module: str) -> str:
    """The command that installs a module."""
    root = module.partition(".")[0]
    extra = next((extra for extra, modules in _EXTRAS.items() if root in modules), "train")
    return f"pip install 'isotrope[{extra}]'"


class Complaints:
    """Prints each problem on one line on standard error, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, problem: Exception | str) -> None:
        """Print one problem."""
        self.count += 1
        self.warn(problem)

    def warn(self, problem: Exception | str) -> None:
        """Print a possible problem, without counting it."""
        # Not err=True: it bypasses the progress bar's capture of sys.stderr and breaks the bar.
        typer.echo(one_line(problem), file=sys.stderr)

    @contextmanager
    def about(self, path: Path | None) -> Iterator[None]:
        """Report if a file (None: standard output) cannot be written."""
        try:
            yield
        except OSError as error:
            if path is None and isinstance(error, BrokenPipeError):
                raise  # the reader closed the pipe; typer ends quietly
            name = path or "standard output"
            self.add(f"{name}: cannot be written ({error.strerror or error}); free or change it")
            if path is None:
                # The rest of its buffer would fail again at exit, with a traceback.
                sys.stdout = io.StringIO()
