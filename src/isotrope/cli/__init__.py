"""The command `isotrope`: one file per subcommand, each a thin layer over the library.

Heavy imports (torch, transformers, matplotlib) are inside the commands, so that `isotrope --help`
is fast.
"""

from __future__ import annotations

import os
import warnings
from typing import Annotated

import typer

import isotrope
from isotrope.cli.adapt import adapt
from isotrope.cli.audit import audit
from isotrope.cli.classify import classify
from isotrope.cli.command import Command, Group
from isotrope.cli.detect import detect
from isotrope.cli.evaluate import evaluate
from isotrope.cli.export import export
from isotrope.cli.orient import orient
from isotrope.cli.read import read
from isotrope.cli.segment import segment
from isotrope.cli.serve import serve
from isotrope.cli.train import detector, finder, reader, recognizer
from isotrope.cli.train_images import classifier, objects, segmentation

app = typer.Typer(
    name="isotrope",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Read text whichever way up it lies, with models that are exactly equivariant.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isotrope {isotrope.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    # Standard error is for errors: no progress bar for a second of loading, no deprecation notices
    # from libraries. transformers reads these variables when it is first imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Pillow's warnings are harmless, such as a broken EXIF tag, or we report the problem ourselves.
    warnings.filterwarnings("ignore", module="PIL")


app.command(cls=Command)(read)
app.command(cls=Command)(serve)
app.command(cls=Command)(orient)
app.command(cls=Command)(adapt)
app.command(cls=Command)(audit)
app.command(cls=Command)(export)
app.command(cls=Command)(classify)
app.command(cls=Command)(segment)
app.command(cls=Command)(detect)
app.command("eval", cls=Command)(evaluate)

train = typer.Typer(cls=Group, no_args_is_help=True, help="Train a model from a recipe.")
train.command(cls=Command)(reader)
train.command(cls=Command)(finder)
train.command(cls=Command)(detector)
train.command(cls=Command)(recognizer)
train.command(cls=Command)(classifier)
train.command(cls=Command)(segmentation)
train.command(cls=Command)(objects)
app.add_typer(train, name="train")


def main() -> None:
    """The entry point of the installed command."""
    app()
