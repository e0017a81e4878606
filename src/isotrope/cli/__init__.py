"""The command `isotrope`: one file a subcommand, each a thin face of the library.

The heavy imports (torch, transformers, matplotlib) stand inside the commands, so that
`isotrope --help` answers at once.
"""

from __future__ import annotations

import os
import sys

import typer

from isotrope.cli.adapt import adapt
from isotrope.cli.audit import audit
from isotrope.cli.classify import classifier, evaluate
from isotrope.cli.errors import one_line
from isotrope.cli.export import export
from isotrope.cli.orient import orient
from isotrope.cli.read import read
from isotrope.cli.train import finder, reader, recognizer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Read text whichever way up it lies, with models that are exactly equivariant.",
)


@app.callback()
def _root() -> None:
    # Standard error is for what went wrong: no bar for a second's loading, no news of the
    # libraries' next versions. transformers looks at these when it is first imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


app.command()(read)
app.command()(orient)
app.command()(adapt)
app.command()(audit)
app.command()(export)
app.command("eval")(evaluate)

train = typer.Typer(no_args_is_help=True, help="Train a model from a recipe.")
train.command()(reader)
train.command()(finder)
train.command()(recognizer)
train.command()(classifier)
app.add_typer(train, name="train")


def main() -> None:
    """The entry point of the installed command."""
    try:
        app()
    except ModuleNotFoundError as error:  # an extra that is not installed
        typer.echo(one_line(error), err=True)
        sys.exit(1)
