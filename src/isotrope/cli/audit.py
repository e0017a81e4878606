"""`isotrope audit`: which layer of a model breaks its symmetry, and by how much."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from torch import nn

    from isotrope.audit import AuditReport


def audit(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A folder of weights, or module:factory for any torch module. "
            "Nothing: the shipped recogniser's encoder."
        ),
    ] = None,
    group: Annotated[str, typer.Option(help="The group, such as C4 or D4.")] = "C4",
    size: Annotated[str, typer.Option(help="Rows x columns of the random images.")] = "32x64",
    channels: Annotated[int, typer.Option(min=1, help="Channels of the images.")] = 3,
) -> None:
    """Turn random images by every element of a group and compare the output of every layer.

    Runs in float64. The exit status is 1 where a layer breaks the symmetry.
    """
    import torch

    from isotrope.audit import audit as run_audit
    from isotrope.groups import group_from_name

    try:
        symmetry, (rows, columns) = group_from_name(group), _size(size)
        images = torch.rand(2, channels, rows, columns, dtype=torch.float64)
        report = run_audit(_load(model), images, symmetry)
    except (ValueError, FileNotFoundError) as error:
        typer.echo(f"isotrope: {error}", err=True)
        raise typer.Exit(1) from error
    _print(report)
    raise typer.Exit(0 if report.ok else 1)


def _size(text: str) -> tuple[int, int]:
    rows, cross, columns = text.partition("x")
    if not (cross and rows.isdigit() and columns.isdigit() and int(rows) and int(columns)):
        raise ValueError(f"--size {text} is not rows x columns; write it as 32x64")
    return int(rows), int(columns)


def _load(model: str | None) -> nn.Module:
    """The module that `model` names."""
    from isotrope.models.vit import EquivariantViT
    from isotrope.ocr.reader import Reader

    if model is None:
        return Reader.from_pretrained().recognizer.encoder
    if ":" in model and not Path(model).exists():
        name, factory = model.rsplit(":", 1)
        sys.path.insert(0, str(Path.cwd()))
        try:
            return getattr(import_module(name), factory)()
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"{model}: cannot be loaded ({error}); write module:factory, where the factory "
                "takes no arguments and returns a torch module"
            ) from error
    try:
        return EquivariantViT.from_pretrained(model)
    except (FileNotFoundError, TypeError):
        return Reader.from_pretrained(model).recognizer.encoder


def _print(report: AuditReport) -> None:
    """The report as a table on standard output."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("layer", "class", "output", "worst error", title=f"{report.group!r}")
    for row in report.rows:
        broken = row.error is not None and row.error > report.tolerance
        error = "not compared" if row.error is None else f"{row.error:.1e}"
        style = "red" if broken else "dim" if row.error is None else None
        table.add_row(row.name, row.type, row.kind or "", error, style=style)
    console.print(table)
    console.print(report.verdict, highlight=False, soft_wrap=True)
