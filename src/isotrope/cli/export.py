"""`isotrope export`: write a reader's model for onnxruntime, with its adapter merged."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Literal

import typer

from isotrope.cli import completion, options
from isotrope.cli.errors import UsageError, exit_on_error
from isotrope.cli.files import check_folder


def export(
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            file_okay=False,
            help="The folder to write. With gsanet it may be left out: then it is the user's "
            "cache, where the reader finds it.",
        ),
    ] = None,
    engine: Annotated[
        Literal["isotrope", "gsanet"] | None,
        typer.Option(metavar="NAME", help="isotrope or gsanet. By the weights if left out."),
    ] = None,
    model: options.Model = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Weights in place of the shipped ones."),
    ] = None,
    adapter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER|SUM",
            autocompletion=completion.adapter_names,
            help="A LoRA adapter to merge in: a shipped one's name, its folder, or a sum of "
            "several, such as 0.7*A+0.3*B.",
        ),
    ] = None,
) -> None:
    """Write a model for onnxruntime; with --adapter, one that reads as with it, but without it.

    isotrope: config.json, model.safetensors and graph.onnx, with the adapter merged; without an
    adapter the model is in that form already.

    gsanet: encoder.onnx, decoder.onnx and config.json. The encoder's graph runs on random images
    and on turned copies of them. If a turn does not permute its tokens as it must, nothing is
    written and the exit status is 1.
    """
    from isotrope.ocr.loading import default_engine

    with exit_on_error(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_folder("--weights", weights)
        if (engine or default_engine(weights)) == "gsanet":
            said = _export_gsanet(out, weights, adapter)
        else:
            said = _export_lines(out, weights, model or "small", adapter)
    typer.echo(said)


def _export_lines(out: Path | None, weights: Path | None, model: str, adapter: str | None) -> str:
    from isotrope.ocr.adapter_names import one_adapter
    from isotrope.ocr.loading import shipped
    from isotrope.ocr.recognition.merged import save_merged

    adapters = one_adapter(adapter, model)
    if adapters is None:
        raise UsageError(
            "there is nothing to export: line recognizers run on onnxruntime as they are; give "
            "--adapter to merge one, or --engine gsanet"
        )
    if out is None:
        raise UsageError("give OUT, the folder to write")
    save_merged(weights or shipped(model), adapters.terms, out)
    return f"{out}: {adapters.name} is merged; read with --weights {out}"


def _export_gsanet(out: Path | None, weights: Path | None, adapter: str | None) -> str:
    from isotrope.ocr.gsanet.cache import export_folder, sources_of
    from isotrope.ocr.gsanet.export import export_onnx
    from isotrope.ocr.gsanet.loading import load_recognizer

    out = out or export_folder(sources_of(weights, adapter))
    errors = export_onnx(load_recognizer(weights, adapter, merge=True), out)
    return f"{out}: {len(errors)} elements compared, worst error {max(errors.values()):.1e}"
