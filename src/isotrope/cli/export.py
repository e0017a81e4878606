"""`isotrope export`: write the engine gsanet as audited ONNX graphs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from isotrope.cli.errors import exit_on_error
from isotrope.cli.files import check_folder


def export(
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            file_okay=False,
            help="The folder to write. If left out, the user's cache, where the reader finds it.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Weights in place of the shipped ones."),
    ] = None,
    adapter: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|NAME",
            help="A LoRA adapter to merge in: its folder, or a shipped one's name.",
        ),
    ] = None,
) -> None:
    """Write the engine gsanet as encoder.onnx, decoder.onnx and config.json, for onnxruntime.

    The encoder's graph runs on random images and on turned copies of them. If a turn does not
    permute its tokens as it must, nothing is written and the exit status is 1.
    """
    with exit_on_error(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_folder("--weights", weights)
        out, errors = _export(out, weights, adapter)
    typer.echo(f"{out}: {len(errors)} elements compared, worst error {max(errors.values()):.1e}")


def _export(
    out: Path | None, weights: Path | None, adapter: str | None
) -> tuple[Path, dict[int, float]]:
    from isotrope.ocr.gsanet.cache import export_folder, sources_of
    from isotrope.ocr.gsanet.export import export_onnx
    from isotrope.ocr.gsanet.loading import load_recognizer

    out = out or export_folder(sources_of(weights, adapter))
    return out, export_onnx(load_recognizer(weights, adapter, merge=True), out)
