"""`isotrope audit`: find which layer of a model breaks its symmetry, and by how much."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_folder

if TYPE_CHECKING:
    from torch import nn

    from isotrope.equivariance import AuditReport


def audit(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="FOLDER|MODULE:FACTORY",
            help="A folder that an equivariant model has saved, or module:factory for any torch "
            "module. The encoder of the shipped gsanet if left out.",
        ),
    ] = None,
    group: Annotated[str, typer.Option(metavar="NAME", help="The group, such as C4 or D4.")] = "C4",
    size: Annotated[
        str,
        typer.Option(metavar="ROWSxCOLUMNS", help="The size of the random images, in pixels."),
    ] = "32x64",
    channels: Annotated[int, typer.Option(min=1, metavar="N", help="Their channels.")] = 3,
) -> None:
    """Turn random images by every element of a group and compare the output of every layer.

    Runs in float64. The exit status is also 1 if a layer breaks the symmetry.
    """
    with exit_on_error():
        if model is not None and ":" not in model:
            check_folder("the path", model)
    import torch

    from isotrope.equivariance import audit as run_audit
    from isotrope.groups import group_from_name

    with exit_on_error():
        symmetry, (rows, columns) = group_from_name(group), _size(size)
        images = torch.rand(2, channels, rows, columns, dtype=torch.float64)
        module = _load(model)
        try:
            report = run_audit(module, images, symmetry)
        except ValueError:  # ours, with a remedy
            raise
        except Exception as error:  # a user's model may raise anything
            raise ValueError(
                f"the model refuses {rows}x{columns} images: {_reason(error)}; "
                "pass --size or --channels"
            ) from error
    _print(report)
    raise typer.Exit(0 if report.ok else 1)


def _size(text: str) -> tuple[int, int]:
    rows, cross, columns = text.partition("x")
    if not (cross and rows.isdigit() and columns.isdigit() and int(rows) and int(columns)):
        raise ValueError(f"--size {text} is not rows x columns; write it as 32x64")
    return int(rows), int(columns)


def _load(model: str | None) -> nn.Module:
    """The module that `model` names.

    Raises:
        ValueError: it cannot be loaded, for any reason.
    """
    from isotrope.models.detector import Detector
    from isotrope.models.segmenter import Segmenter
    from isotrope.models.symmetrize import SymmetricViT
    from isotrope.models.vit import EquivariantViT
    from isotrope.ocr.detection.linenet.store import load_line_net
    from isotrope.ocr.gsanet.loading import load_recognizer

    if model is None:
        return cast("nn.Module", load_recognizer().encoder)
    if ":" in model and not Path(model).exists():
        return _made_by(model)
    config = Path(model) / "config.json"
    try:
        # Without a config, load_recognizer says what is missing.
        entries = json.loads(config.read_text()) if config.is_file() else {"architectures": []}
        if "architectures" in entries:
            return cast("nn.Module", load_recognizer(Path(model)).encoder)
        if "unit" in entries:
            return load_line_net(model)
        if "backbone" in entries:
            return (Segmenter if "maps" in entries else Detector).from_pretrained(model)
        if "vit" in entries:
            return SymmetricViT.from_pretrained(model)
        return EquivariantViT.from_pretrained(model)
    except Exception as error:  # from json, the config, safetensors or torch
        if type(error) is ValueError:  # ours, with a remedy
            raise
        raise ValueError(
            f"{model}: cannot be loaded ({_reason(error)}); give a folder that "
            "EquivariantViT.save_pretrained, that of a Segmenter, Detector, SymmetricViT or "
            "Recognizer, or save_line_net wrote"
        ) from error


def _made_by(model: str) -> nn.Module:
    """The module that the factory `module:factory` returns."""
    from torch import nn

    name, factory = model.rsplit(":", 1)
    sys.path.insert(0, str(Path.cwd()))
    remedy = "write module:factory, where the factory takes no arguments and returns a torch module"
    try:
        made = getattr(import_module(name), factory)()
    except Exception as error:  # a user's code may raise anything
        raise ValueError(f"{model}: cannot be loaded ({_reason(error)}); {remedy}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"{model}: returns {type(made).__name__}, no torch module; {remedy}")
    return made


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _print(report: AuditReport) -> None:
    """Print the report as a table on standard output."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = 1000  # do not wrap lines in a file or a pipe
    table = Table(*report.HEADER, title=f"{report.group!r}")
    for row in report.rows:
        broken = row.error is not None and row.error > report.tolerance
        style = "red" if broken else "dim" if row.error is None else None
        table.add_row(*map(escape, report.cells(row)), style=style)
    console.print(table)
    console.print(report.verdict, highlight=False, markup=False, soft_wrap=True)
