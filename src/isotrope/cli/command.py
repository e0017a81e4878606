"""Behavior common to all commands: help that reflows, one-line errors, Ctrl-C."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from isotrope.cli.errors import one_line

EXIT_STATUS = (
    "Exit status: 0, all went well; 1, something could not be read, loaded or written; 2, wrong "
    "usage."
)
"""The last paragraph of every command's help."""


class Command(TyperCommand):
    """A command whose help fits the width of the terminal and explains the exit status."""

    def __init__(self, *args: Any, help: str | None = None, **options: Any) -> None:
        options["epilog"] = options.get("epilog") or EXIT_STATUS
        super().__init__(*args, help=reflowed(help), **options)

    def get_params(self, ctx: Any) -> list[Any]:
        """The base class's parameters; flags take no value, so their help shows no type."""
        return _flags_without_type(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reject an empty argument, such as an unset variable, which would be the current folder.

        Raises:
            UsageError: One of them is empty.
        """
        if "" in args:
            ctx.fail("one of the arguments is empty; give it a value, or leave it out")
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """The command and its subcommands; an error that ends one is a line on standard error."""

    def get_params(self, ctx: Any) -> list[Any]:
        """See `Command.get_params`."""
        return _flags_without_type(super().get_params(ctx))

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run the command line.

        Wrong usage exits with status 2, a missing package with 1, and Ctrl-C with 130, silently.
        """
        try:
            status = super().main(*args, standalone_mode=False, **options)
        except ModuleNotFoundError as error:  # an extra that is not installed
            typer.echo(one_line(error), err=True)
            status = 1
        except Exception as error:
            if not hasattr(error, "format_message"):  # not Typer's (or Click's, in older versions)
                raise
            status = _report(error)
        if standalone_mode:
            sys.exit(status if isinstance(status, int) else 0)
        return status


def reflowed(text: str | None) -> str | None:
    """Join each paragraph into one line, so that the help wraps at the terminal's width."""
    if text is None:
        return None
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _flags_without_type(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


def _report(error: Any) -> int:
    """Print wrong usage on one line, and return its exit status."""
    message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    if message:  # empty if there were no arguments and the help was printed
        path = error.ctx.command_path if getattr(error, "ctx", None) else "isotrope"
        typer.echo(one_line(f"{message}; see {path} --help"), err=True)
    return error.exit_code
